"""Whatever a terminal says after it was asked for money, the driver answers with an outcome and never approves."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from device_gateway.domain.card_operations import Declined, Unknown
from device_gateway.drivers.terminal.zvt.apdu import Apdu
from device_gateway.drivers.terminal.zvt.driver import ZvtOptions, open_zvt
from device_gateway.drivers.terminal.zvt.messages import POSITIVE, Command, authorisation
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from device_gateway.simulators import Reply, serving
from tests.integration.device_gateway.terminals.operations import operation, performed

_REQUEST = authorisation(1234, "EUR", partial_approval=True).encode()
_ANY = (*Command, 0x8000, 0x8400, 0x849C, 0x0000, 0xFFFF)


class _Hostile(ZvtSimulator):
    """Answers a request for money with what a die says."""

    def __init__(self, seed: int) -> None:
        super().__init__(ZvtSimulatorOptions())
        self._dice = random.Random(seed)
        self._asked = False

    def received(self, data: bytes) -> Sequence[Reply]:
        if _REQUEST in data:
            self._asked = True
            return [Reply(POSITIVE.encode() + self._anything())]
        return [Reply(self._anything())] if self._asked else super().received(data)

    def _anything(self) -> bytes:
        if self._dice.random() < 0.3:
            return self._dice.randbytes(self._dice.randrange(1, 40))
        return Apdu(self._dice.choice(_ANY), self._dice.randbytes(self._dice.randrange(12))).encode()


@pytest.mark.parametrize("seed", range(40))
def test_no_answer_makes_the_driver_fail_or_approve(seed: int) -> None:
    with serving(_Hostile(seed), "tcp://127.0.0.1:0") as address:
        device = open_zvt(
            ZvtOptions(
                address=address,
                acknowledge_timeout_s=0.05,
                answer_timeout_s=0.05,
                operation_timeout_s=0.2,
                inquiry_timeout_s=0.2,
            )
        )
        result = performed(device, operation("purchase", 1234))
        device.close()
    assert isinstance(result, Unknown | Declined)


@pytest.mark.parametrize(
    "said",
    [
        [Apdu(Command.COMPLETION)],
        [Apdu(Command.STATUS_INFORMATION, b"\x27\x00\x77"), Apdu(Command.COMPLETION)],
        [Apdu(Command.STATUS_INFORMATION, b"\x27\x00\x04\0\0\0\1\0\0"), Apdu(Command.COMPLETION)],
        [Apdu(Command.STATUS_INFORMATION, b"\x27\x00"), Apdu(Command.ABORTED, b"\x6c")],
    ],
    ids=["no status", "unreadable status", "a larger amount", "approved, then aborted"],
)
def test_half_an_approval_is_in_doubt(said: list[Apdu]) -> None:
    class Terminal(ZvtSimulator):
        def received(self, data: bytes) -> Sequence[Reply]:
            if _REQUEST in data:
                return [Reply(b"".join(apdu.encode() for apdu in (POSITIVE, *said)))]
            return super().received(data)

    with serving(Terminal(ZvtSimulatorOptions()), "tcp://127.0.0.1:0") as address:
        device = open_zvt(ZvtOptions(address=address))
        result = performed(device, operation("purchase", 1234))
        device.close()
    assert isinstance(result, Unknown)
