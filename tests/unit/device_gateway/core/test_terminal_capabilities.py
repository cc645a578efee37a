"""What a terminal cannot do is refused before anything is sent: a word for programs, a sentence for a cashier."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from device_gateway.domain.card_operations import NotSent
from device_gateway.domain.terminal_capabilities import (
    TerminalCapability,
    not_supported,
    refused_before_sending,
)
from device_gateway.drivers.manifests import manifests
from libs.contracts.terminals import TerminalAction

PURCHASES_ONLY: frozenset[TerminalCapability] = frozenset({"purchase", "refund"})
EVERYTHING: frozenset[TerminalCapability] = frozenset(get_args(TerminalCapability))


def _refusal(action: TerminalAction, capabilities: frozenset[TerminalCapability], **asked: Any) -> NotSent | None:
    shares: dict[str, Any] = {"cash_back_minor": 0, "tip_minor": 0, "instalments": None}
    return refused_before_sending(action, **{**shares, **asked}, capabilities=capabilities)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"cash_back_minor": 500}, "cash-back-not-supported"),
        ({"tip_minor": 100}, "tip-not-supported"),
        ({"instalments": 3}, "instalments-not-supported"),
    ],
)
def test_what_comes_with_a_purchase_is_never_left_out_silently(asked: dict[str, Any], code: str) -> None:
    refusal = _refusal("purchase", PURCHASES_ONLY, **asked)

    assert refusal is not None
    assert refusal.reason_code == code
    assert refusal.reason.startswith("This terminal cannot ")
    assert _refusal("purchase", EVERYTHING, **asked) is None


@pytest.mark.parametrize("action", [action for action in get_args(TerminalAction) if action != "inquiry"])
def test_an_action_that_is_not_listed_is_refused_and_one_that_is_goes_on(action: TerminalAction) -> None:
    refusal = _refusal(action, frozenset())

    assert refusal is not None
    assert refusal.reason_code == f"{action.replace('_', '-')}-not-supported"
    assert _refusal(action, EVERYTHING) is None


def test_every_driver_may_be_asked_what_became_of_an_operation() -> None:
    assert _refusal("inquiry", frozenset(), tip_minor=100) is None


def test_rule_15_cash_back_and_instalments_come_with_a_purchase_only() -> None:
    assert _refusal("pre_authorisation", EVERYTHING, cash_back_minor=100) == not_supported("cash_back")
    assert _refusal("pre_authorisation", EVERYTHING, instalments=2) == not_supported("instalments")


def test_rule_14_a_tip_is_given_back_by_a_terminal_that_takes_none() -> None:
    assert _refusal("refund", PURCHASES_ONLY, tip_minor=100) is None


def test_every_action_and_share_has_its_sentence() -> None:
    assert all(not_supported(capability).reason.endswith(".") for capability in EVERYTHING)
    assert set(get_args(TerminalAction)) - {"inquiry"} == EVERYTHING - {"cash_back", "tip", "instalments"}


@pytest.mark.parametrize(
    ("driver", "cannot"),
    [
        ("inpas", {"cash_back", "tip", "instalments", "balance", "increment"}),
        ("process_and_files", {"cash_back", "tip", "instalments", "balance", "increment"}),
        ("zvt", {"instalments"}),
        ("nexo", set()),
    ],
)
def test_the_drivers_say_what_they_cannot_do(driver: str, cannot: set[TerminalCapability]) -> None:
    assert not cannot & manifests()[driver].capabilities
    assert "purchase" in manifests()[driver].capabilities


def test_the_template_can_do_nothing() -> None:
    assert manifests()["template"].capabilities == frozenset()
