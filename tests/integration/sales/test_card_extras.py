"""Tips, cash-back and slips at sales alone: who decides the cards is the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.bus.transports.local import LocalTransport
from libs.contracts.gateway import PrintDocument, PrintJobChanged
from libs.contracts.permissions import CASHIER, Permission
from libs.contracts.printing import TextBlock
from libs.contracts.tenders import TenderAuthorized, TenderReleased
from libs.persistence import new_id
from libs.testkit.databases import DatabaseServer
from services.sales.domain.slip import MerchantSlips
from services.sales.domain.tender import TenderKind
from services.sales.domain.till_devices import receipt_job_id
from services.sales.jobs import give_up_prints
from services.sales.settings import SalesSettings
from tests.integration.sales.gateway_double import GatewayDouble
from tests.integration.sales.shift_shop import Person, Shop, answered, open_shop, refused
from tests.integration.sales.test_tenders import basket_of, completes, decides, outcome, pays

CASH = {"kind": "cash", "given_minor": 2_000}
TEA_MINOR = 1_298


@pytest.fixture(scope="module")
async def transport() -> LocalTransport:
    return LocalTransport()


@pytest.fixture(scope="module")
async def shop(postgres_server: DatabaseServer, transport: LocalTransport) -> AsyncIterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TILLSTREAM_SALES_PRINT_GATHER_S", "0.01")
        async with open_shop(postgres_server, transport) as opened:
            opened.resources[SalesSettings] = SalesSettings(tender_kinds=frozenset(TenderKind))
            yield opened


@pytest.fixture
async def gateway(shop: Shop, transport: LocalTransport) -> GatewayDouble:
    double = GatewayDouble(shop, transport)
    await double.attach()
    return double


@pytest.fixture
async def anna(shop: Shop, gateway: GatewayDouble) -> Person:
    """A cashier with 200.00 in the drawer, at a till with a printer."""
    person = await shop.cashier(cash_out_minor=100_000, permissions=CASHIER | {Permission.SALES_CASH_OUT})
    await person.opens()
    await gateway.serves(person.till_id)
    await gateway.has_printer(person.till_id)
    return person


async def asks_for_card(person: Person, basket_id: str, amount_minor: int = TEA_MINOR, **on_top: Any) -> str:
    paid = await pays(person, basket_id, 202, kind="card", amount_minor=amount_minor, **on_top)
    return str(paid["tenders"][-1]["tender_id"])


def approved(basket_id: str, tender_id: str, **facts: Any) -> TenderAuthorized:
    told = {"currency": "PLN", "amount_minor": TEA_MINOR, **facts}
    authorized = outcome(TenderAuthorized, basket_id, tender_id, **told)
    assert isinstance(authorized, TenderAuthorized)
    return authorized


async def prints(person: Person, sale_id: str) -> list[tuple[str, str, str | None]]:
    shown = answered(await person.get(f"/sales/{sale_id}/prints"), 200)
    return [(each["kind"], each["state"], each["reason"]) for each in shown]


async def test_a_decider_that_knows_nothing_of_tips_approves_what_was_asked(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "tea")
    tender_id = await asks_for_card(anna, basket_id, tip_minor=100, cash_back_minor=500, instalments=2)
    await decides(shop, approved(basket_id, tender_id))
    [tender] = (await completes(anna, basket_id))["tenders"]
    assert (tender["tip_minor"], tender["cash_back_minor"], tender["instalments"]) == (100, 500, 2)
    assert (tender["scheme"], tender["masked_number"], tender["approval_code"]) == (None, None, None)


async def test_a_basket_from_before_the_upgrade_is_paid_to_its_end(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "tea")
    tender_id = await asks_for_card(anna, basket_id)
    async with shop.database.transaction() as work:
        stripped = ["tip_minor", "cash_back_minor", "instalments", "scheme", "masked_number", "approval_code"]
        await work.connection.execute(
            text(
                "update baskets set contents = jsonb_set(contents, '{tenders,0}', (contents #> '{tenders,0}')"
                " - cast(:names as text[])) where basket_id = :id"
            ),
            {"names": [*stripped, "signature_required"], "id": UUID(basket_id)},
        )
    await decides(shop, approved(basket_id, tender_id))
    assert (await completes(anna, basket_id))["tenders"][0]["tip_minor"] == 0


async def test_rule_15_promised_cash_back_is_neither_promised_again_nor_taken_out(shop: Shop, anna: Person) -> None:
    first, second = await basket_of(anna, "tea"), await basket_of(anna, "tea")
    odd = {"kind": "card", "amount_minor": TEA_MINOR, "cash_back_minor": 18_998}
    refused(await anna.post(f"/baskets/{first}/tenders", odd), 422, "tender-refused", "cash_back_minor")
    tender_id = await asks_for_card(anna, first, cash_back_minor=19_000)
    body = {"kind": "card", "amount_minor": TEA_MINOR, "cash_back_minor": 1_001}
    refused(await anna.post(f"/baskets/{second}/tenders", body), 409, "not-enough-cash", "cash_back_minor")
    shift = answered(await anna.get(f"/shifts/current?till_id={anna.till_id}"), 200)
    out = {"movement_id": str(new_id()), "kind": "cash_out", "currency": "PLN", "amount_minor": 1_005, "reason": "bank"}
    path = f"/shifts/{shift['shift_id']}/cash-movements"
    refused(await anna.post(path, out), 409, "not-enough-cash", "amount_minor")
    # Taken back before the sale was complete, the cash is there again.
    await decides(shop, approved(first, tender_id))
    answered(await anna.asks("DELETE", f"/baskets/{first}/tenders/{tender_id}"), 200)
    await decides(shop, outcome(TenderReleased, first, tender_id))
    answered(await anna.post(path, out), 201)
    await asks_for_card(anna, second, cash_back_minor=18_995)


async def test_a_till_without_a_printer_prints_no_slip_and_keeps_it(shop: Shop, gateway: GatewayDouble) -> None:
    bare = await shop.cashier()
    await bare.opens()
    basket_id = await basket_of(bare, "tea")
    tender_id = await asks_for_card(bare, basket_id)
    await decides(shop, approved(basket_id, tender_id, slip=("THANK YOU",), merchant_slip=("SHOP",)))
    await completes(bare, basket_id)
    await shop.services.drained()
    assert gateway.took(PrintDocument) == []
    [slips] = answered(await bare.get(f"/sales/{basket_id}/slips"), 200)
    assert (slips["tender_id"], slips["customer"], slips["merchant"]) == (tender_id, ["THANK YOU"], ["SHOP"])


async def test_a_slip_that_comes_too_late_is_kept_and_not_printed(
    shop: Shop, anna: Person, gateway: GatewayDouble
) -> None:
    basket_id = await basket_of(anna, "tea")
    tender_id = await asks_for_card(anna, basket_id)
    late = approved(basket_id, tender_id, merchant_slip=("SHOP",)).model_copy(
        update={"decided_at": shop.clock() - timedelta(seconds=601)}
    )
    await decides(shop, late)
    await completes(anna, basket_id)
    await shop.services.drained()
    assert [job.document_kind for job in gateway.took(PrintDocument)] == ["receipt"]
    assert len(answered(await anna.get(f"/sales/{basket_id}/slips"), 200)) == 1


@pytest.mark.parametrize(
    ("wanted", "printed"),
    [
        (MerchantSlips.ALWAYS, ["plain", "to sign"]),
        (MerchantSlips.FOR_SIGNATURE, ["to sign"]),
        (MerchantSlips.NEVER, []),
    ],
)
async def test_the_chain_says_which_of_its_slips_are_printed(
    shop: Shop, anna: Person, gateway: GatewayDouble, wanted: MerchantSlips, printed: list[str]
) -> None:
    before = shop.resources[SalesSettings]
    shop.resources[SalesSettings] = before.model_copy(update={"merchant_slips": wanted})
    for line, signed in (("plain", False), ("to sign", True)):
        basket_id = await basket_of(anna, "tea")
        tender_id = await asks_for_card(anna, basket_id)
        now = {"decided_at": shop.clock()}
        facts = {"merchant_slip": (line,), "signature_required": signed}
        await decides(shop, approved(basket_id, tender_id, **facts).model_copy(update=now))
    shop.resources[SalesSettings] = before
    await shop.services.drained()
    lines = [
        block.text
        for job in gateway.took(PrintDocument)
        for block in job.document.blocks
        if isinstance(block, TextBlock) and block.text in ("plain", "to sign")
    ]
    assert lines == printed


async def test_the_shops_slips_are_printed_again_only_with_the_right_to_reprint(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "tea")
    tender_id = await asks_for_card(anna, basket_id)
    await decides(shop, approved(basket_id, tender_id, merchant_slip=("SHOP",)))
    await completes(anna, basket_id)
    junior = shop.person(anna.till_id, permissions=CASHIER - {Permission.SALES_REPRINT})
    path, body = f"/sales/{basket_id}/prints", {"print_id": str(new_id()), "kind": "merchant_slip"}
    refused(await junior.post(path, body), 403, "approval-required")
    approval = shop.approval(Permission.SALES_REPRINT, basket_id, junior)
    for _ in range(2):
        assert answered(await junior.post(path, body | {"approval": approval}), 202)["kind"] == "slip"
    stranger = shop.person(None, store=shop.store.model_copy(update={"store_id": new_id()}))
    refused(await stranger.get(f"/sales/{basket_id}/slips"), 403, "forbidden")


async def test_outcomes_that_are_told_twice_print_their_slips_once(
    shop: Shop, anna: Person, gateway: GatewayDouble
) -> None:
    basket_id = await basket_of(anna, "tea")
    tender_id = await asks_for_card(anna, basket_id)
    now = {"decided_at": shop.clock()}
    authorized = approved(basket_id, tender_id, slip=("PAID",), merchant_slip=("SHOP",)).model_copy(update=now)
    for _ in range(2):
        await decides(shop, authorized)
    sale = await completes(anna, basket_id)
    # What was approved is told once more when everything is done: nothing moves.
    await decides(shop, authorized)
    approval = shop.approval(Permission.SALES_VOID, basket_id, anna)
    body = {"void_sale_id": str(new_id()), "reason": "wrong goods", "approval": approval}
    void = answered(await anna.post(f"/sales/{sale['sale_id']}/void", body), 201)
    released = outcome(TenderReleased, basket_id, tender_id, slip=("VOIDED",)).model_copy(update=now)
    for _ in range(2):
        await decides(shop, released)
    await shop.services.drained()
    kinds = [job.document_kind for job in gateway.took(PrintDocument)]
    assert sorted(kinds) == ["receipt", "receipt", "slip", "slip"]
    for document_id, lines in ((basket_id, ["PAID"]), (void["sale_id"], ["VOIDED"])):
        receipt = answered(await anna.get(f"/sales/{document_id}/receipt"), 200)
        assert [slip["lines"] for slip in receipt["slips"]] == [lines]
    causes = [each["cause"] for each in answered(await anna.get(f"/sales/{void['sale_id']}/slips"), 200)]
    assert causes == ["authorized", "released"]


async def expire(shop: Shop, sale_id: str, seconds_ago: float) -> None:
    """Let the prints of a document have expired so long ago."""
    async with shop.database.transaction() as work:
        await work.connection.execute(
            text("update print_jobs set expires_at = :at where sale_id = :id"),
            {"at": shop.clock() - timedelta(seconds=seconds_ago), "id": UUID(sale_id)},
        )


def reported(anna: Person, gateway: GatewayDouble, sale_id: str, **facts: Any) -> PrintJobChanged:
    return PrintJobChanged(
        **{
            "job_id": receipt_job_id(UUID(sale_id)),
            "gateway_id": gateway.gateway_id,
            "store_id": gateway.shop.store.store_id,
            "till_id": anna.till_id,
            "document_kind": "receipt",
            "sale_id": UUID(sale_id),
            "changed_at": gateway.shop.clock(),
            **facts,
        }
    )


async def test_a_print_that_no_gateway_answers_for_is_unknown_after_its_expiry(shop: Shop, anna: Person) -> None:
    sale_id = str((await anna.sells(["tea"], CASH))["sale_id"])
    await shop.services.drained()
    settings = SalesSettings(print_answer_grace_s=60)
    await expire(shop, sale_id, 55)
    await give_up_prints(shop.database, settings)
    assert await prints(anna, sale_id) == [("receipt", "queued", None)]
    await expire(shop, sale_id, 61)
    for _ in range(2):
        await give_up_prints(shop.database, settings)
        [(_, state, reason)] = await prints(anna, sale_id)
        assert (state, (reason or "")[:39]) == ("unknown", "The gateway has not said what became of")


async def test_a_gateway_that_reports_after_all_is_believed(shop: Shop, anna: Person, gateway: GatewayDouble) -> None:
    sale_id = str((await anna.sells(["tea"], CASH))["sale_id"])
    await shop.services.drained()
    printed_at = shop.clock()
    await expire(shop, sale_id, 61)
    await give_up_prints(shop.database, SalesSettings())
    # It printed long before we gave up, and only its report was late.
    late = reported(anna, gateway, sale_id, state="printed", proof="confirmed", changed_at=printed_at)
    await gateway.tells(late)
    assert await prints(anna, sale_id) == [("receipt", "printed", None)]
    await give_up_prints(shop.database, SalesSettings())
    assert await prints(anna, sale_id) == [("receipt", "printed", None)]


async def test_a_gateway_that_falls_silent_while_it_prints_leaves_the_print_unknown(
    shop: Shop, anna: Person, gateway: GatewayDouble
) -> None:
    sale_id = str((await anna.sells(["tea"], CASH))["sale_id"])
    await shop.services.drained()
    await gateway.tells(reported(anna, gateway, sale_id, state="printing"))
    await expire(shop, sale_id, 61)
    await give_up_prints(shop.database, SalesSettings())
    assert [state for _, state, _ in await prints(anna, sale_id)] == ["unknown"]
