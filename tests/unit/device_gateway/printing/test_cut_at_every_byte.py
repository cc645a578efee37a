"""The cable cut at every byte of a receipt: what the driver says never contradicts what lies on the table."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from PIL import Image

from device_gateway.domain.observations import NotPrinted, Printed, PrintUnknown
from device_gateway.drivers.printer.escpos.simulator import PrinterSimulator
from libs.contracts.printing import (
    BarcodeBlock,
    Block,
    FeedBlock,
    ImageBlock,
    PairBlock,
    PrintedDocument,
    QrBlock,
    TextBlock,
)
from tests.unit.device_gateway.printing.memory_line import JOB, OTHER_JOB, Clock, MemoryLine, printer_on
from tests.unit.device_gateway.printing.receipts import EAN


def _short_receipt() -> PrintedDocument:
    """A receipt with a command of each kind, short enough to be cut at each of its bytes."""
    blocks: tuple[Block, ...] = (
        TextBlock(text="SHOP"),
        ImageBlock.model_construct(png=_speck()),
        TextBlock(text="Żółw", bold=True, size=2, align="center"),
        PairBlock(left="Chleb Өргөө", right="9,50"),
        FeedBlock(rows=2),
        QrBlock(data="018f6d2a"),
        BarcodeBlock(symbology="ean13", data=EAN),
    )
    return PrintedDocument(language="pl", blocks=blocks)


def _speck() -> bytes:
    written = io.BytesIO()
    Image.new("1", (8, 8), 0).save(written, "PNG")
    return written.getvalue()


def _bytes_before_the_receipt() -> int:
    clock = Clock()
    line = MemoryLine(PrinterSimulator(), clock)
    printer = printer_on(line, clock)
    printer.status()
    return line.delivered


@pytest.mark.parametrize("notices", [True, False], ids=["break noticed at once", "break noticed by silence"])
@pytest.mark.parametrize("proof", ["by process id", "by status"])
def test_an_outcome_never_contradicts_the_paper_wherever_the_cable_is_cut(notices: bool, proof: str) -> None:
    clock = Clock()
    data = (
        printer_on(MemoryLine(PrinterSimulator(), clock), clock, draw="rows", dots=240, columns=20)
        .encode(_short_receipt())
        .data
    )
    whole = PrinterSimulator()
    whole.received(data)
    expected = [receipt.text for receipt in whole.receipts]
    assert len(expected) == 1
    before = _bytes_before_the_receipt()
    outcomes: Counter[type] = Counter()
    step = 1 if notices and proof == "by process id" else 7
    for cut_at in range(before - 11, before + len(data) + 24, step):
        simulator = PrinterSimulator()
        line = MemoryLine(simulator, clock, cut_at=cut_at, notices=notices)
        outcome = printer_on(line, clock, has_process_id=proof == "by process id").print(JOB, data)
        outcomes[type(outcome)] += 1
        printed = [receipt.text for receipt in simulator.receipts]
        if isinstance(outcome, NotPrinted):
            assert not simulator.has_printed, f"cut at {cut_at}"
        elif isinstance(outcome, Printed):
            assert printed == expected, f"cut at {cut_at}"
            assert simulator.paper.is_clean
        else:
            assert printed in ([], expected), f"cut at {cut_at}"
        if cut_at % 5:
            continue
        # Plugged in again, the next receipt comes out whole, whatever command the cut went through.
        done = len(simulator.receipts)
        again = printer_on(MemoryLine(simulator, clock), clock)
        assert again.print(OTHER_JOB, data) == Printed(confirmed=True), f"after a cut at {cut_at}"
        after = simulator.receipts[done:]
        # Half a receipt hangs above it, or was cut off when its cut was completed; a receipt not printed left nothing.
        assert after[-1].text.endswith(expected[0]), f"after a cut at {cut_at}"
        if isinstance(outcome, NotPrinted):
            assert [receipt.text for receipt in after] == expected, f"after a cut at {cut_at}"
    assert set(outcomes) == {NotPrinted, Printed, PrintUnknown}
    assert outcomes[PrintUnknown] * step > len(data) * 0.9
