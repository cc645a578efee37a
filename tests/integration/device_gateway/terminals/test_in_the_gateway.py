"""Payment terminals in the gateway: each operation carried out once, in order, in time, and answered exactly once."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from pathlib import Path

import pytest

from device_gateway.domain.terminal_operation import reference_of
from device_gateway.drivers.terminal.simulated_ledger import ApprovePart, Decline, NoCard
from device_gateway.simulators import AnswerLostAfterEffect, Faults
from libs.contracts.terminals import CardReferences
from libs.persistence import new_id
from tests.integration.device_gateway.core.stand import TILL, until
from tests.integration.device_gateway.terminals.gateway_stand import (
    DRIVERS,
    GIVES_UP_SOON,
    NAME,
    Payments,
    at_work,
    moved,
    next_card,
    on_a_line,
    order,
    simulated,
    wired,
    with_terminal,
)

pytestmark = pytest.mark.anyio
MASKED = {"zvt": "443056******1234", "nexo": "443056****1234"}
DECLINED_CODE = {"zvt": "6C", "nexo": "Refusal"}
OPERATIONS = "/gateway/v1/terminal-operations"


@pytest.mark.parametrize("driver", DRIVERS)
async def test_sale_refund_and_reversal_are_carried_out_and_answered_once_each(driver: str, tmp_path: Path) -> None:
    async with with_terminal(tmp_path, driver) as (payments, terminal):
        sale = await payments.asks("purchase", 1_234)
        assert (sale.outcome, sale.amount_minor, sale.currency, sale.terminal) == ("approved", 1_234, "EUR", NAME)
        assert sale.card is not None
        assert sale.card.masked_number == MASKED[driver]
        assert sale.references is not None
        assert sale.customer_slip
        assert sale.merchant_slip

        refund = await payments.asks("refund", 500, original=sale.references, inquired_operation_id=sale.operation_id)
        assert (refund.action, refund.outcome, refund.amount_minor) == ("refund", "approved", 500)

        second = await payments.asks("purchase", 2_000)
        back = await payments.asks(
            "reversal", 2_000, original=second.references, inquired_operation_id=second.operation_id
        )
        assert (back.action, back.outcome) == ("reversal", "approved")
        assert moved(terminal) == [("charge", 1_234), ("refund", 500), ("charge", 2_000), ("reversal", 2_000)]
        assert len(payments.answers) == 4


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_decline_tells_code_and_reason_and_moves_nothing(driver: str, tmp_path: Path) -> None:
    async with with_terminal(tmp_path, driver) as (payments, terminal):
        sale = await payments.asks("purchase", 700)
        next_card(terminal, Decline(DECLINED_CODE[driver]))
        declined = await payments.asks("purchase", 800)
        assert (declined.outcome, declined.reason_code) == ("declined", DECLINED_CODE[driver])
        assert declined.reason
        assert declined.amount_minor is None
        # A reversal of something that the terminal does not know is refused by it.
        unknown = CardReferences(receipt_number="7777", transaction_id="T999999999999")
        reversal = await payments.asks("reversal", 700, original=unknown)
        assert reversal.outcome == "declined"
        assert sale.outcome == "approved"
        assert moved(terminal) == [("charge", 700)]


async def test_references_that_payments_does_not_hold_come_from_the_journal(tmp_path: Path) -> None:
    async with with_terminal(tmp_path, "nexo") as (payments, terminal):
        sale = await payments.asks("purchase", 900)
        back = await payments.asks("reversal", 900, inquired_operation_id=sale.operation_id)
        assert back.outcome == "approved"
        assert moved(terminal) == [("charge", 900), ("reversal", 900)]


async def test_a_card_with_a_part_of_the_amount_pays_for_goods_and_not_for_the_tip(tmp_path: Path) -> None:
    async with with_terminal(tmp_path) as (payments, terminal):
        next_card(terminal, ApprovePart(300))
        part = await payments.asks("purchase", 1_000, tip_minor=100)
        whole = await payments.asks("purchase", 1_000, tip_minor=100)
        assert (part.amount_minor, part.tip_minor) == (300, 0)
        assert (whole.amount_minor, whole.tip_minor) == (1_000, 100)


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_command_that_comes_again_charges_once_and_is_answered_once(driver: str, tmp_path: Path) -> None:
    async with with_terminal(tmp_path, driver) as (payments, terminal):
        command = order("purchase", 1_111)
        await payments.sends(command, times=3)
        assert (await payments.hears(command.operation_id)).outcome == "approved"
        await payments.sends(command, times=2)
        assert (await payments.asks("purchase", 2_222)).outcome == "approved"
        assert len(payments.answers_to(command.operation_id)) == 1
        assert moved(terminal) == [("charge", 1_111), ("charge", 2_222)]
        assert payments.shop.gateway.parts.link.measurements.repeated_commands == 4


async def test_an_operation_out_of_time_is_not_sent_also_when_its_time_runs_out_behind_another(tmp_path: Path) -> None:
    terminal = simulated("zvt")
    with on_a_line(terminal) as address:
        # No sweep: the terminal's own worker has to look.
        async with at_work(tmp_path, [wired("zvt", address, tmp_path)], expiry_sweep_s=3_600) as payments:
            stale = order("purchase", 100)
            await payments.sends(stale, valid_s=-1)
            assert (await payments.hears(stale.operation_id)).outcome == "expired"
            next_card(terminal, NoCard(0.4))
            first, behind = order("purchase", 200), order("purchase", 300)
            await payments.sends(first)
            await payments.sends(behind, valid_s=0.1)
            assert (await payments.hears(behind.operation_id)).outcome == "expired"
            assert (await payments.hears(first.operation_id)).outcome == "declined"
            assert moved(terminal) == []


async def test_operations_at_once_are_carried_out_one_after_the_other_in_order(tmp_path: Path) -> None:
    async with with_terminal(tmp_path) as (payments, terminal):
        commands = [order("purchase", 100 + number) for number in range(4)]
        await asyncio.gather(*(payments.sends(command) for command in commands))
        for command in commands:
            assert (await payments.hears(command.operation_id)).outcome == "approved"
        assert moved(terminal) == [("charge", 100 + number) for number in range(4)]
        assert [answer.operation_id for answer in payments.answers] == [command.operation_id for command in commands]


async def test_progress_is_shown_and_a_terminal_that_waits_for_a_card_is_stopped_from_the_till(tmp_path: Path) -> None:
    async with with_terminal(tmp_path) as (payments, terminal):
        shop = payments.shop
        next_card(terminal, NoCard(60))
        first, behind = order("purchase", 200), order("purchase", 300)
        with shop.gateway.parts.live.listening(TILL) as page:
            await payments.sends(first)
            await payments.sends(behind)
            stages = []
            while "insert_card" not in stages:
                message = await asyncio.wait_for(page.next_message(), 10)
                if message["type"] == "terminal_progress":
                    assert message["operation_id"] == str(first.operation_id)
                    stages.append(message["stage"])
            shown = (await shop.http.get(f"{OPERATIONS}/{first.operation_id}")).json()
            assert (shown["state"], shown["stage"]) == ("sending", "insert_card")

            assert (await shop.http.post(f"{OPERATIONS}/{behind.operation_id}/abort")).status_code == 401
            headers = shop.keys.headers()
            called_off = await shop.http.post(f"{OPERATIONS}/{behind.operation_id}/abort", headers=headers)
            assert (called_off.status_code, called_off.json()["state"]) == (202, "not_sent")
            stopped = await shop.http.post(f"{OPERATIONS}/{first.operation_id}/abort", headers=headers)
            assert (stopped.status_code, stopped.json()["state"]) == (202, "sending")
            assert (await payments.hears(first.operation_id)).outcome == "declined"
            assert (await payments.hears(behind.operation_id)).outcome == "not_sent"
            told: list[str] = []
            while len(told) < 2:
                message = await asyncio.wait_for(page.next_message(), 10)
                if message["type"] == "terminal_answered":
                    told.append(message["outcome"])
            assert sorted(told) == ["declined", "not_sent"]
        ended = await shop.http.post(f"{OPERATIONS}/{first.operation_id}/abort", headers=headers)
        assert ended.status_code == 409
        missing = await shop.http.post(f"{OPERATIONS}/{new_id()}/abort", headers=headers)
        assert missing.status_code == 404
        assert moved(terminal) == []


@pytest.mark.parametrize("driver", DRIVERS)
async def test_an_answer_lost_after_the_effect_is_unknown_until_an_inquiry_finds_it(
    driver: str, tmp_path: Path
) -> None:
    async with with_terminal(tmp_path, driver, **GIVES_UP_SOON[driver]) as (payments, terminal):
        terminal.faults = Faults([AnswerLostAfterEffect()])
        lost = await payments.asks("purchase", 1_500, tip_minor=100)
        assert (lost.outcome, lost.amount_minor) == ("unknown", None)
        in_doubt = (await payments.shop.http.get(OPERATIONS, params={"in_doubt": True})).json()["items"]
        assert [item["operation_id"] for item in in_doubt] == [str(lost.operation_id)]
        page = (await payments.shop.http.get("/gateway/")).text
        assert "The outcome of 1 card payment is not known yet." in page
        assert "Purchase of €15.00" in page.split("Was the card charged?")[1]

        terminal.faults = Faults()
        found = await payments.asks_about(lost.operation_id, 1_500)
        assert (found.outcome, found.found, found.amount_minor, found.tip_minor) == ("approved", True, 1_500, 100)
        assert (found.action, found.inquired_operation_id) == ("inquiry", lost.operation_id)
        # From now on the journal knows; the operation's own answer stays the one that it was.
        again = await payments.asks_about(lost.operation_id, 1_500)
        assert (again.outcome, again.amount_minor) == ("approved", 1_500)
        assert len(payments.answers_to(lost.operation_id)) == 1
        assert (await payments.shop.http.get(OPERATIONS, params={"in_doubt": True})).json()["items"] == []
        assert "Was the card charged?" not in (await payments.shop.http.get("/gateway/")).text
        assert moved(terminal) == [("charge", 1_500)]


async def test_what_the_journal_is_certain_of_is_answered_without_the_terminal(tmp_path: Path) -> None:
    async with with_terminal(tmp_path) as (payments, terminal):
        sale = await payments.asks("purchase", 600)
        next_card(terminal, Decline("6C"))
        declined = await payments.asks("purchase", 601)
        stale = order("purchase", 602)
        await payments.sends(stale, valid_s=-1)
        await payments.hears(stale.operation_id)
        assert terminal.line is not None
        terminal.line.unplug()
        await payments.shop.device_is(NAME, "absent")
        assert (await payments.asks_about(sale.operation_id)).amount_minor == 600
        about_declined = await payments.asks_about(declined.operation_id)
        assert (about_declined.outcome, about_declined.found, about_declined.reason_code) == ("declined", True, "6C")
        assert (await payments.asks_about(stale.operation_id)).found is False


async def test_an_operation_told_to_be_unsent_before_it_came_is_never_sent(tmp_path: Path) -> None:
    async with with_terminal(tmp_path) as (payments, terminal):
        late = order("purchase", 400)
        nothing = await payments.asks_about(late.operation_id)
        assert (nothing.outcome, nothing.found, nothing.reason_code) == ("declined", False, "not_found")
        await payments.sends(late)
        assert (await payments.hears(late.operation_id)).outcome == "not_sent"

        next_card(terminal, NoCard(0.3))
        first, waiting = order("purchase", 401), order("purchase", 402)
        await payments.sends(first)
        await payments.sends(waiting)
        assert (await payments.asks_about(waiting.operation_id)).found is False
        assert (await payments.hears(waiting.operation_id)).outcome == "not_sent"
        await payments.hears(first.operation_id)
        assert moved(terminal) == []


async def test_after_the_journal_was_lost_the_terminal_is_asked_and_nothing_is_taken_for_unsent(tmp_path: Path) -> None:
    terminal = simulated("nexo")
    with on_a_line(terminal) as address:
        async with at_work(tmp_path / "old", [wired("nexo", address, tmp_path)]) as payments:
            sale = await payments.asks("purchase", 800)
        async with at_work(tmp_path / "new", [wired("nexo", address, tmp_path)]) as payments:
            found = await payments.asks_about(sale.operation_id, 800)
            assert (found.outcome, found.found, found.amount_minor) == ("approved", True, 800)
        assert moved(terminal) == [("charge", 800)]


async def test_a_till_without_a_terminal_and_a_name_that_is_none_are_told_in_a_sentence(tmp_path: Path) -> None:
    async with with_terminal(tmp_path) as (payments, _):
        other = await payments.asks("purchase", 100, till_id=new_id())
        assert (other.outcome, other.terminal) == ("not_sent", None)
        assert other.reason == "This till has no payment terminal at this PC. List one for it in devices.toml."
        named = await payments.asks("purchase", 100, terminal="the-other-one")
        assert named.reason == (
            "There is no payment terminal 'the-other-one' at this PC; the terminals are card-terminal."
        )


async def test_an_absent_terminal_is_said_so_after_a_while_and_one_that_comes_back_is_used(tmp_path: Path) -> None:
    terminal = simulated("zvt")
    with on_a_line(terminal) as address:
        async with at_work(tmp_path, [wired("zvt", address, tmp_path)], terminal_patience_s=0.3) as payments:
            assert terminal.line is not None
            terminal.line.unplug()
            await payments.shop.device_is(NAME, "absent")
            refused = await payments.asks("purchase", 100)
            assert refused.outcome == "not_sent"
            assert "Switch the payment terminal on and see that it is connected." in str(refused.reason)
            terminal.line.plug_in()
            await payments.shop.device_is(NAME, "ready")
            assert (await payments.asks("purchase", 200)).outcome == "approved"
        assert moved(terminal) == [("charge", 200)]


async def test_no_card_number_is_in_the_journal_or_in_an_answer(tmp_path: Path) -> None:
    async with with_terminal(tmp_path, card_number="4111111111111111") as (payments, _):
        sale = await payments.asks("purchase", 500)
        assert sale.card is not None
        assert sale.card.masked_number == "411111******1111"
        assert "4111111111111111" not in sale.model_dump_json()
        files = [path for path in (tmp_path / "gateway").iterdir() if path.name.startswith("journal")]
        assert any(b"411111******1111" in path.read_bytes() for path in files)
        assert not any(b"4111111111111111" in path.read_bytes() for path in files)


async def test_the_page_and_the_list_show_a_terminals_last_operation(tmp_path: Path) -> None:
    async with with_terminal(tmp_path) as (payments, _):
        await payments.asks("purchase", 1_234)
        device = (await payments.shop.http.get(f"/gateway/v1/devices/{NAME}")).json()
        last = device["last_operation"]
        assert (last["action"], last["amount_minor"], last["state"]) == ("purchase", 1_234, "approved")
        page = (await payments.shop.http.get("/gateway/")).text
        assert "Last operation: purchase of €12.34 approved" in page


async def test_a_journal_from_before_payment_terminals_is_completed(tmp_path: Path) -> None:
    async with at_work(tmp_path, []):
        pass
    with sqlite3.connect(tmp_path / "gateway" / "journal.sqlite") as connection:
        for table in ("terminal_operations", "terminal_refusals", "terminal_memory"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    async with with_terminal(tmp_path) as (payments, terminal):
        assert (await payments.asks("purchase", 100)).outcome == "approved"
        assert moved(terminal) == [("charge", 100)]


async def test_references_are_short_unique_and_on_the_disk_before_the_terminal_is_asked(tmp_path: Path) -> None:
    async with with_terminal(tmp_path) as (payments, terminal):
        next_card(terminal, NoCard(60))
        command = order("purchase", 100)
        await payments.sends(command)
        path = tmp_path / "gateway" / "journal.sqlite"

        def stored() -> tuple[str, str] | None:
            with sqlite3.connect(path) as connection:
                rows = connection.execute("SELECT state, reference FROM terminal_operations").fetchall()
            return rows[0] if rows else None

        await until(lambda: (stored() or ("", ""))[0] == "sending")
        reference = (stored() or ("", ""))[1]
        assert reference == reference_of(command.operation_id)
        assert re.fullmatch("[A-Z0-9]{10}", reference)
        assert len({reference_of(command.operation_id, attempt) for attempt in range(50)}) == 50
        await _stop(payments, command.operation_id)


async def _stop(payments: Payments, operation_id: object) -> None:
    stopped = await payments.shop.http.post(f"{OPERATIONS}/{operation_id}/abort", headers=payments.shop.keys.headers())
    assert json.loads(stopped.content)["state"] == "sending"
    await until(lambda: payments.answers)
