"""Named fault points: places where a crash is provoked on purpose, to prove that nothing is lost or done twice.

Armed in-process by `armed(...)`, or for a child process by the environment: TILLSTREAM_FAULT=name:kill:3 kills the
process with SIGKILL at the third passage of `name`; `raise` instead of `kill` raises `FaultInjected`.
Unarmed, a fault point costs one dictionary look-up.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

BUS_FAULT_POINTS = (
    "before_commit",
    "after_commit_before_publish",
    "after_publish_before_mark",
    "before_handler",
    "after_handler_before_commit",
    "after_handler_before_ack",
)
GATEWAY_FAULT_POINTS = (
    "gateway_before_command_journaled",
    "gateway_before_command_acknowledged",
    "gateway_before_print_intent",
    "gateway_after_print_intent",
    "gateway_after_print",
    "gateway_after_print_outcome",
    "gateway_after_drawer_intent",
    "gateway_after_drawer_kick",
    "gateway_after_publish_before_mark",
    "gateway_before_terminal_intent",
    "gateway_after_terminal_intent",
    "gateway_after_terminal_answer",
    "gateway_after_terminal_outcome",
)
CONCENTRATOR_FAULT_POINTS = (
    "payments_before_acquirer_stored",
    "payments_after_acquirer_stored",
    "payments_after_acquirer_answer",
    "payments_before_acquirer_recorded",
    "payments_before_forwarding_noted",
    "payments_after_forwarding_noted",
    "payments_after_forwarded",
    "payments_before_reply_recorded",
)
FAULT_POINTS = BUS_FAULT_POINTS + GATEWAY_FAULT_POINTS + CONCENTRATOR_FAULT_POINTS


class FaultInjected(RuntimeError):
    """Raised at an armed fault point."""


@dataclass(slots=True)
class Fault:
    """An armed fault point: strikes when `countdown` passages are over."""

    action: str
    countdown: int

    @property
    def struck(self) -> bool:
        """Whether it has; a test that provokes a fault should make sure that it came."""
        return self.countdown <= 0


_armed: dict[str, Fault] = {}


def fault_point(name: str) -> None:
    """Crash here if this point is armed and its count is reached; otherwise do nothing."""
    if not _armed:
        return
    fault = _armed.get(name)
    if fault is None:
        return
    fault.countdown -= 1
    if fault.countdown == 0:
        if fault.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise FaultInjected(f"fault injected at {name}")


@contextmanager
def armed(name: str, *, action: str = "raise", on_passage: int = 1) -> Iterator[Fault]:
    """Arm the fault point `name` for the block; it strikes once, at its `on_passage`-th passage."""
    if name not in FAULT_POINTS:
        raise ValueError(f"{name!r} is not a fault point; they are {', '.join(FAULT_POINTS)}")
    fault = _armed[name] = Fault(action, on_passage)
    try:
        yield fault
    finally:
        _armed.pop(name, None)


def arm_from_environment() -> None:
    """Arm what TILLSTREAM_FAULT says, e.g. `after_publish_before_mark:kill:2`. Raises ValueError if malformed."""
    for clause in filter(None, os.environ.get("TILLSTREAM_FAULT", "").split(",")):
        name, _, rest = clause.partition(":")
        action, _, count = rest.partition(":")
        if name not in FAULT_POINTS or action not in ("kill", "raise"):
            raise ValueError(f"TILLSTREAM_FAULT={clause!r}: expected <point>:<kill|raise>[:<passage>]")
        _armed[name] = Fault(action, int(count or 1))
