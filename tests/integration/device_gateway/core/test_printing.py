"""Printing by command: once, in order, in time, and known to be unknown."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from device_gateway.domain.observations import NotPrinted, Printed, PrintUnknown
from device_gateway.domain.print_job import PrintState
from device_gateway.drivers.interface import DeviceMisconfigured
from libs.contracts.gateway import PrintJobChanged
from libs.persistence import new_id
from tests.integration.device_gateway.core.fakes import OUT_OF_PAPER, WELL, FakePrinter
from tests.integration.device_gateway.core.stand import OTHER_TILL, TILL, later, receipt, stand, until

pytestmark = pytest.mark.anyio


async def test_a_receipt_is_printed_and_reported_with_its_proof(tmp_path: Path) -> None:
    printer = FakePrinter()
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        command = receipt(sale_id=new_id())
        await shop.server.send(command)
        await shop.server.hears(command.job_id, "printed")
        assert printer.paper == [(command.job_id, "Milk 1.29")]
        assert shop.server.states_of(command.job_id) == ["queued", "printing", "printed"]
        assert shop.server.sequences(command.job_id) == [1, 2, 3]
        envelope, event = next(heard for heard in shop.server.heard if getattr(heard[1], "state", None) == "printed")
        assert isinstance(event, PrintJobChanged)
        assert (event.proof, event.printer, event.sale_id) == ("confirmed", "printer", command.sale_id)
        assert (envelope.source, envelope.correlation_id) == ("/gateway", "correlated-with-it")


async def test_a_command_that_comes_again_prints_once(tmp_path: Path) -> None:
    printer = FakePrinter()
    devices = [printer.configured("printer", TILL)]
    command = receipt()
    async with stand(tmp_path, devices) as shop:
        await shop.server.send(command, times=3)
        await shop.job_is(command.job_id, "printed")
    async with stand(tmp_path, devices) as shop:
        await shop.server.send(command, times=2)
        other = receipt("Bread 2.00")
        await shop.server.send(other)
        await shop.job_is(other.job_id, "printed")
        assert shop.gateway.parts.link.measurements.repeated_commands == 2
    assert printer.texts == ["Milk 1.29", "Bread 2.00"]


async def test_jobs_of_a_printer_come_out_in_order_and_each_copy_for_itself(tmp_path: Path) -> None:
    printer = FakePrinter(script=[NotPrinted("The cover was open.")])
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        commands = [receipt("first", copies=2), receipt("second"), receipt("third")]
        for command in commands:
            await shop.server.send(command)
        await shop.job_is(commands[-1].job_id, "printed")
        assert printer.texts == ["first", "first", "second", "third"]
        job = shop.job(commands[0].job_id)
        assert [copy.attempts for copy in job.copies] == [2, 1]
        assert len({job_id for job_id, _ in printer.paper}) == 4
        assert printer.owners == {"device printer"}


async def test_a_printer_without_paper_keeps_its_jobs_and_prints_them_when_it_has_some(tmp_path: Path) -> None:
    printer = FakePrinter(now=OUT_OF_PAPER)
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        await shop.device_is("printer", "blocked")
        command = receipt()
        await shop.server.send(command)
        await shop.server.hears(command.job_id, "queued")
        view = (await shop.http.get("/gateway/v1/devices/printer")).json()
        assert (view["state"], view["detail"], view["waiting"]) == ("blocked", "The printer is out of paper.", 1)
        assert view["what_to_do"] == "Put in a new roll; waiting receipts then print."
        assert printer.paper == []
        printer.now = WELL
        await shop.server.hears(command.job_id, "printed")
        assert shop.server.states_of(command.job_id) == ["queued", "printing", "printed"]
        await until(lambda: shop.server.device_states("printer")[-2:] == ["blocked", "ready"])


async def test_a_lost_answer_is_unknown_and_only_a_marked_duplicate_follows(tmp_path: Path) -> None:
    printer = FakePrinter(script=[PrintUnknown("The cable was cut.")], prints_anyway=True)
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        command, behind = receipt(), receipt("Bread 2.00")
        await shop.server.send(command)
        await shop.server.send(behind)
        await shop.job_is(behind.job_id, "printed")
        assert shop.job(command.job_id).reason == "The cable was cut."
        assert printer.texts == ["Milk 1.29", "Bread 2.00"]
        path = f"/gateway/v1/jobs/{command.job_id}/duplicate"
        body = {"job_id": str(new_id())}
        first = await shop.http.post(path, json=body, headers=shop.keys.headers())
        again = await shop.http.post(path, json=body, headers=shop.keys.headers())
        assert (first.status_code, again.status_code) == (202, 202)
        duplicate = await shop.job_is(UUID(first.json()["job_id"]), "printed")
        await until(lambda: len(printer.paper) == 3)
        assert printer.texts[2] == "DUPLICATE Milk 1.29"
        assert again.json()["job_id"] == first.json()["job_id"]
        assert again.json()["duplicate_of"] == str(command.job_id)
        other = await shop.http.post(path, headers=shop.keys.headers())
        assert (other.status_code, "has been printed" in other.json()["detail"]) == (409, True)
        assert duplicate.state is PrintState.PRINTED
        assert shop.job(command.job_id).state is PrintState.UNKNOWN


async def test_what_was_printed_is_never_duplicated(tmp_path: Path) -> None:
    printer = FakePrinter()
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        command = receipt()
        await shop.server.send(command)
        await shop.job_is(command.job_id, "printed")
        answer = await shop.http.post(f"/gateway/v1/jobs/{command.job_id}/duplicate", headers=shop.keys.headers())
        assert answer.status_code == 409
        assert answer.json()["detail"].startswith("This document is printed.")
        assert len(printer.paper) == 1


async def test_a_stale_command_is_reported_as_expired_and_never_carried_out(tmp_path: Path) -> None:
    printer = FakePrinter()
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        stale, fresh = receipt("stale", open_drawer="cash_sale"), receipt("fresh")
        await shop.server.send(stale, later(-1))
        await shop.server.send(fresh, later(60))
        await shop.server.hears(fresh.job_id, "printed")
        assert shop.server.states_of(stale.job_id) == ["expired"]
        assert printer.texts == ["fresh"]
        await until(lambda: [opening.outcome for opening in shop.server.openings()] == ["expired"])
        assert printer.kicks == 0


async def test_a_job_that_waits_too_long_for_its_printer_expires_while_the_printer_is_away(tmp_path: Path) -> None:
    printer = FakePrinter(present=False)
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        command = receipt(copies=2)
        await shop.server.send(command, later(0.2))
        await shop.server.hears(command.job_id, "expired")
        printer.present = True
        later_one = receipt("later")
        await shop.server.send(later_one)
        await shop.server.hears(later_one.job_id, "printed")
        assert shop.server.states_of(command.job_id) == ["queued", "expired"]
        assert printer.texts == ["later"]


async def test_the_expiry_is_looked_at_again_right_before_the_first_byte(tmp_path: Path) -> None:
    """The document takes longer to prepare than its time lasts; no sweep has come by."""
    printer = FakePrinter()
    async with stand(tmp_path, [printer.configured("printer", TILL)], expiry_sweep_s=60) as shop:
        slow = receipt("slow")
        encode = printer.encode

        def encode_slowly(*arguments: object, **named: object) -> object:
            import time

            time.sleep(0.4)
            return encode(*arguments, **named)  # type: ignore[arg-type]

        printer.encode = encode_slowly  # type: ignore[assignment, method-assign]
        await shop.server.send(slow, later(0.2))
        await shop.server.hears(slow.job_id, "expired")
        assert shop.server.states_of(slow.job_id) == ["queued", "expired"]
        assert printer.paper == []


async def test_a_till_without_a_printer_and_an_unknown_printer_fail_with_a_reason(tmp_path: Path) -> None:
    printer = FakePrinter()
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        nowhere = receipt(till_id=OTHER_TILL)
        wrong = receipt(printer="kitchen")
        await shop.server.send(nowhere)
        await shop.server.send(wrong)
        await shop.server.hears(wrong.job_id, "failed")
        assert shop.server.states_of(nowhere.job_id) == ["failed"]
        assert shop.job(nowhere.job_id).reason == (
            "This till has no printer at this PC. List one for it in devices.toml."
        )
        assert shop.job(wrong.job_id).reason == ("There is no printer 'kitchen' at this PC; the printers are printer.")


async def test_a_document_that_cannot_be_prepared_fails_and_holds_nobody_up(tmp_path: Path) -> None:
    printer = FakePrinter(encode_error=DeviceMisconfigured("The profile has no Cyrillic. Choose another."))
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        wrong, crashing, right = receipt("wrong"), receipt("crashing"), receipt("right")
        await shop.server.send(wrong)
        await shop.job_is(wrong.job_id, "failed")
        printer.encode_error = KeyError("cp866")
        await shop.server.send(crashing)
        await shop.job_is(crashing.job_id, "failed")
        printer.encode_error = None
        await shop.server.send(right)
        await shop.job_is(right.job_id, "printed")
        assert shop.job(wrong.job_id).reason == "The profile has no Cyrillic. Choose another."
        assert "KeyError" in str(shop.job(crashing.job_id).reason)
        assert printer.texts == ["right"]
        assert shop.server.device_states("printer") == ["ready"]


async def test_probable_proof_is_reported_as_probable(tmp_path: Path) -> None:
    printer = FakePrinter(script=[Printed(confirmed=False)])
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        command = receipt()
        await shop.server.send(command)
        assert (await shop.job_is(command.job_id, "printed")).proof == "probable"
