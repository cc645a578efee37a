"""What sales is told of a card tender beside its amount: the card, what came on top, and the terminal's slips."""

from __future__ import annotations

from typing import Any

from libs.contracts.terminals import CardFacts, OperateTerminal
from tests.integration.payments.terminal_shop import TerminalShop, approves

VOIDED = {"customer_slip": ("VOIDED",), "merchant_slip": ("VOIDED, SHOP",), "signature_required": True}


async def outcome(shop: TerminalShop, **asked: Any) -> dict[str, Any]:
    tender_id = await shop.authorize(4_000, **asked)
    await shop.becomes(tender_id, "approved")
    [(_, told)] = await shop.outcomes_of(tender_id)
    return told


def approved_for(amount_minor: int, **told: int) -> Any:
    shares = {"cash_back_minor": 0, "tip_minor": 0, **told}
    return lambda operation: {**approves(operation), "amount_minor": amount_minor, **shares}


def shares_of(told: dict[str, Any]) -> tuple[int, int, int]:
    return told["amount_minor"], told["tip_minor"], told["cash_back_minor"]


async def test_sales_is_told_of_the_card_and_of_both_slips(shop: TerminalShop) -> None:
    shop.gateway.script["purchase"] = lambda operation: {**approves(operation), "signature_required": True}
    told = await outcome(shop, instalments=3)
    assert told["slip"] == ["VISA ************0119", "APPROVED"]
    assert (told["merchant_slip"], told["signature_required"]) == (["MERCHANT COPY"], True)
    assert (told["scheme"], told["masked_number"], told["instalments"]) == ("visa", "476173******0119", 3)
    assert told["approval_code"] == told["reference"]


async def test_the_instalments_that_the_terminal_agreed_to_are_the_ones_told(shop: TerminalShop) -> None:
    card = CardFacts(scheme="visa", instalments=6)
    shop.gateway.script["purchase"] = lambda operation: {**approves(operation), "card": card}
    assert (await outcome(shop, instalments=3))["instalments"] == 6


async def test_a_tip_that_was_added_at_the_terminal_is_told(shop: TerminalShop) -> None:
    shop.gateway.script["purchase"] = approved_for(4_700, tip_minor=700)
    assert shares_of(await outcome(shop)) == (4_000, 700, 0)


async def test_what_was_asked_for_on_top_is_told_when_all_of_it_was_approved(shop: TerminalShop) -> None:
    assert shares_of(await outcome(shop, tip_minor=500, cash_back_minor=2_000)) == (4_000, 500, 2_000)


async def test_rule_18_a_part_pays_for_the_goods_and_then_is_cash_back_and_never_lost(shop: TerminalShop) -> None:
    expected = {3_000: (3_000, 0, 0), 5_500: (4_000, 0, 1_500), 6_200: (4_000, 200, 2_000)}
    for approved_minor, shares in expected.items():
        shop.gateway.script["purchase"] = approved_for(approved_minor)
        assert shares_of(await outcome(shop, tip_minor=500, cash_back_minor=2_000)) == shares


async def test_the_slips_of_a_reversal_come_with_the_release(shop: TerminalShop) -> None:
    def voids(operation: OperateTerminal) -> dict[str, Any]:
        return {**approves(operation), **VOIDED}

    shop.gateway.script["reversal"] = voids
    paid = await shop.paid()
    await shop.release(paid)
    await shop.becomes(paid, "voided")
    _, told = (await shop.outcomes_of(paid))[-1]
    assert (told["slip"], told["merchant_slip"], told["signature_required"]) == (["VOIDED"], ["VOIDED, SHOP"], True)


async def test_rule_22_no_card_number_is_on_a_slip_that_sales_gets(shop: TerminalShop) -> None:
    number = "4761739001010119"
    shop.gateway.script["purchase"] = lambda operation: {
        **approves(operation),
        "customer_slip": (f"CARD {number}",),
        "merchant_slip": (f"CARD {number}",),
    }
    told = await outcome(shop)
    assert (told["slip"], told["merchant_slip"]) == (["CARD [card number]"], ["CARD [card number]"])
