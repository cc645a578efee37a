"""Wherever the line to a nexo terminal is cut, what it charged is what the driver says.

A protected message and its answer have thousands of bytes, which HTTP tells apart only by their number. By default
every 31st is cut; TILLSTREAM_TEST_EVERY_BYTE=1 cuts them all, in about three minutes.
"""

from __future__ import annotations

import os

from tests.integration.device_gateway.terminals.history import check_terminal_history, on_a_line
from tests.integration.device_gateway.terminals.nexo.terminals import opened, simulator

_EVERY = 1 if os.environ.get("TILLSTREAM_TEST_EVERY_BYTE") else 31


def test_cut_while_it_talks_the_terminal_charged_what_the_driver_says() -> None:
    report = check_terminal_history(
        on_a_line(simulator), lambda terminal: opened(terminal.address), every=_EVERY, same_reference=True
    )

    assert report.histories > 250
    assert "Unknown" in report.first_outcomes


def test_while_the_terminal_is_still_at_it_the_outcome_stays_unknown_and_nothing_is_charged_twice() -> None:
    check_terminal_history(
        on_a_line(lambda: simulator(works_s=0.03)),
        lambda terminal: opened(terminal.address),
        restarted=True,
        another_first=True,
        every=211,
    )
