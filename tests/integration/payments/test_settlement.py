"""End of day: a terminal's totals against ours, an acquirer's file against our payments, differences to their end."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from libs.contracts.terminals import SchemeTotal
from tests.integration.payments.terminal_shop import (
    Person,
    TerminalShop,
    another_store,
    answered,
    is_silent,
    loses,
    refused,
    settings_of,
)


@pytest.fixture
async def shop(running_shop: TerminalShop) -> TerminalShop:
    """A store of its own for each test, because a terminal's day has everything that was paid at it."""
    return await another_store(running_shop)


def says_totals(shop: TerminalShop, *totals: tuple[str, int, int, int, int]) -> None:
    lines = tuple(
        SchemeTotal(scheme=each[0], sale_count=each[1], sale_minor=each[2], refund_count=each[3], refund_minor=each[4])
        for each in totals
    )
    shop.gateway.script["end_of_day"] = lambda operation: {"outcome": "approved", "totals": lines}


async def ends_day(shop: TerminalShop, manager: Person) -> dict[str, Any]:
    body = {"terminal_id": str(shop.terminal_id), "currency": "PLN"}
    started = answered(await manager.post("/settlements", body), 201)
    await shop.services.drained()
    settled: dict[str, Any] = await manager.get(f"/settlements/{started['settlement_id']}")
    return settled


async def closings(shop: TerminalShop) -> int:
    async with shop.database.reading() as connection:
        statement = text(
            "select count(*) from outbox where type = 'tillstream.payments.settlement_closed.v1'"
            " and headers ->> 'ce-storeid' = :store"
        )
        return int((await connection.execute(statement, {"store": str(shop.store_id)})).scalar_one())


async def test_a_day_that_agrees_is_closed_and_told(shop: TerminalShop) -> None:
    paid = await shop.paid(4_000)
    await shop.paid(1_000)
    refund = await shop.authorize(-500, original_tender_id=paid)
    await shop.becomes(refund, "approved")
    reversed_one = await shop.authorize(700)
    await shop.becomes(reversed_one, "approved")
    await shop.release(reversed_one, 700)
    await shop.becomes(reversed_one, "reversed")
    says_totals(shop, ("VISA", 2, 5_000, 1, 500))
    settled = await ends_day(shop, shop.manager())
    assert (settled["state"], settled["difference_count"]) == ("closed", 0)
    assert settled["our_totals"] == [
        {"scheme": "visa", "sale_count": 2, "sale_minor": 5_000, "refund_count": 1, "refund_minor": 500}
    ]
    assert (await shop.intent(paid))["settlement_id"] == settled["settlement_id"]
    assert await closings(shop) == 1
    says_totals(shop)
    assert (await ends_day(shop, shop.manager()))["our_totals"] == []


async def test_rule_21_differences_are_listed_explained_and_closed_one_by_one(shop: TerminalShop) -> None:
    await shop.paid(4_000)
    says_totals(shop, ("visa", 1, 3_900, 0, 0), ("amex", 1, 100, 0, 0))
    manager = shop.manager()
    settled = await ends_day(shop, manager)
    assert (settled["state"], settled["difference_count"], await closings(shop)) == ("differing", 2, 0)
    listed = await manager.get("/differences", store_id=str(shop.store_id), unclosed=True)
    amex, visa = sorted(listed["items"], key=lambda each: str(each["scheme"]))
    assert (visa["kind"], visa["ours_minor"], visa["theirs_minor"]) == ("sale_totals", 4_000, 3_900)
    path = f"/differences/{visa['difference_id']}"
    explained = answered(await manager.post(f"{path}/explanation", {"explanation": "Typed by hand"}), 200)
    assert (explained["state"], explained["explanation"]) == ("explained", "Typed by hand")
    closed = answered(await manager.post(f"{path}/closing", {"reason": "Booked"}), 200)
    assert (closed["state"], closed["closed_by"]) == ("closed", str(manager.id))
    refused(await manager.post(f"{path}/explanation", {"explanation": "Again"}), 409, "difference-closed")
    assert (await manager.get(f"/settlements/{settled['settlement_id']}"))["state"] == "differing"
    answered(await manager.post(f"/differences/{amex['difference_id']}/closing", {"reason": "Booked"}), 200)
    assert (await manager.get(f"/settlements/{settled['settlement_id']}"))["state"] == "closed"
    assert await closings(shop) == 1
    assert (await manager.get("/differences", store_id=str(shop.store_id), unclosed=True))["items"] == []


async def test_a_day_does_not_end_while_a_payment_is_unknown_and_a_terminal_does_not_go_unsettled(
    shop: TerminalShop,
) -> None:
    manager = shop.manager()
    release = f"/terminals/{shop.terminal_id}/release"
    await shop.paid(1_000)
    problem = refused(await manager.post(release, {}), 409, "terminal-not-settled")
    assert (problem["unsettled_count"], problem["undecided_count"]) == (1, 0)
    shop.gateway.script |= {"purchase": loses, "inquiry": loses}
    tender_id = await shop.authorize()
    await shop.becomes(tender_id, "unknown")
    body = {"terminal_id": str(shop.terminal_id), "currency": "PLN"}
    refused(await manager.post("/settlements", body), 409, "payments-undecided")
    answered(await manager.post(f"/intents/{tender_id}/confirmation", {"outcome": "declined"}), 200)
    says_totals(shop, ("visa", 1, 1_000, 0, 0))
    await ends_day(shop, manager)
    assert answered(await manager.post(release, {}), 200)["unsettled_count"] == 0
    [listed] = (await manager.get("/terminals", store_id=str(shop.store_id)))["items"]
    assert (listed["unsettled_count"], listed["undecided_count"]) == (0, 0)


async def test_one_end_of_day_at_a_time_and_one_that_is_not_answered_is_unknown(shop: TerminalShop) -> None:
    shop.gateway.script["end_of_day"] = is_silent
    manager = shop.manager()
    running = await ends_day(shop, manager)
    assert running["state"] == "requested"
    body = {"terminal_id": str(shop.terminal_id), "currency": "PLN"}
    refused(await manager.post("/settlements", body), 409, "settlement-running")
    await shop.passes(settings_of(shop).answer_timeout_s + 1)
    assert (await manager.get(f"/settlements/{running['settlement_id']}"))["state"] == "unknown"
    # The answer comes after all.
    await shop.gateway.answer(shop.gateway.asked[0], outcome="approved")
    await shop.services.drained()
    assert (await manager.get(f"/settlements/{running['settlement_id']}"))["state"] == "closed"


async def test_rule_20_a_standalone_terminals_slip_is_typed_and_compared(shop: TerminalShop) -> None:
    manager = shop.manager()
    body = {"store_id": str(shop.store_id), "name": "counter-two"}
    terminal = answered(await manager.post("/standalone-terminals", body), 201)
    tender_id = await shop.authorize(4_000, instrument="counter-two")
    confirmed = {"approval_code": "A12", "last_four": "0119", "scheme": "VISA"}
    answered(await shop.person().post(f"/intents/{tender_id}/confirmation", confirmed), 200)
    day = {"terminal_id": terminal["terminal_id"], "currency": "PLN"}
    refused(await manager.post("/settlements", day), 422, "invalid", "totals")
    totals = [{"scheme": "Visa", "sale_count": 1, "sale_minor": 4_000}]
    settled = answered(await manager.post("/settlements", {**day, "totals": totals}), 201)
    assert (settled["state"], settled["our_totals"][0]["sale_minor"]) == ("closed", 4_000)
    gone = answered(await manager.post(f"/terminals/{terminal['terminal_id']}/release", {}), 200)
    assert gone["active"] is False


async def test_what_is_voided_after_the_end_of_day_goes_back_as_a_refund(shop: TerminalShop) -> None:
    paid = await shop.paid(4_000)
    says_totals(shop, ("visa", 1, 4_000, 0, 0))
    await ends_day(shop, shop.manager())
    await shop.release(paid)
    await shop.becomes(paid, "refunded")
    assert shop.gateway.actions()[-1] == "refund"
    assert await shop.told(paid) == ["authorized", "captured", "released"]
    says_totals(shop, ("visa", 0, 0, 1, 4_000))
    assert (await ends_day(shop, shop.manager()))["state"] == "closed"


async def imports(shop: TerminalShop, manager: Person, *rows: str) -> Any:
    header = "kind,date,currency,amount,retrieval_reference,approval_code,scheme"
    return await manager.http.post(
        "/payments/v1/acquirer-files",
        params={"store_id": str(shop.store_id)},
        content="\n".join([header, *rows]).encode(),
        headers={"Authorization": f"Bearer {manager.token}", "Content-Type": "text/csv"},
    )


async def test_an_acquirers_file_is_matched_row_by_row_and_what_differs_is_listed(shop: TerminalShop) -> None:
    by_reference, by_code, not_named = [await shop.paid(amount) for amount in (4_000, 1_000, 700)]
    first, second = [(await shop.intent(each))["references"] for each in (by_reference, by_code)]
    manager = shop.manager()
    rows = [
        f"sale,2025-11-19,PLN,40.00,{first['retrieval_reference']},,visa",
        f"sale,2025-11-20,PLN,10.00,,{second['approval_code']},visa",
        f"sale,2025-11-19,PLN,40.00,{first['retrieval_reference']},,visa",
        "sale,2025-11-19,PLN,9.99,NOBODYS,,visa",
        "sale,2025-11-19,PLN,free,X,,visa",
    ]
    file = answered(await imports(shop, manager, *rows), 201)
    assert (file["row_count"], file["matched_count"], file["refused_count"], file["difference_count"]) == (5, 2, 1, 3)
    listed = await manager.get("/differences", store_id=str(shop.store_id), file_id=file["file_id"])
    assert sorted((each["kind"], each["row_number"], each["intent_id"]) for each in listed["items"]) == [
        ("not_ours", 4, None),
        ("not_ours", 5, None),
        ("not_theirs", None, str(not_named)),
    ]
    [refusal] = (await manager.get(f"/acquirer-files/{file['file_id']}/refusals"))["items"]
    assert (refusal["row_number"], refusal["message"].startswith("amount:")) == (6, True)
    refused(await imports(shop, manager, *rows), 409, "acquirer-file-known")
    refused(await imports(shop, manager), 422, "acquirer-file-unreadable")
    [known] = (await manager.get("/acquirer-files", store_id=str(shop.store_id)))["items"]
    assert known == file
