"""Nothing of a card is kept or said anywhere: tables, outbox, logs, traces, metrics, answers (PCI DSS 4.0, 3.3.1)."""

from __future__ import annotations

import base64
import json
import logging
import re
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from libs.testkit.databases import DatabaseServer
from libs.testkit.faults import FaultInjected, armed
from tests.integration.payments.acquirer.crossings import settles
from tests.integration.payments.concentrated_shop import TERMINAL, ConcentratedShop, open_concentrated_shop

# The schemes' published test numbers, and inventions around them that nothing else in a test looks like.
KEYED = {"entry": "keyed", "number": "4012888888881881", "expiry": "2911"}
CHIP = {
    "entry": "chip",
    "track_2": "5105105105105100D29112019876543210",
    "chip_data": "9F2608A1B2C3D4E5F607189F2701805A085105105105105100",
    "pin_block": "C0FFEE0DDBA11BAD",
}
READ = {"entry": "stripe", "track_2": "4222222222222=29111011234567890"}
SECRETS = (
    "4012888888881881",
    "5105105105105100",
    "29112019876543210",
    "9F2608A1B2C3D4E5F60718",
    "C0FFEE0DDBA11BAD",
    "4222222222222=",
    "29111011234567890",
)
_PACKABLE = re.compile(r"^([0-9A-F]{2})+$")


def _forms(secret: str) -> Iterator[str]:
    """A secret in clear (packed digits shown in hexadecimal are the same), as letters in hexadecimal, and in base64."""
    yield secret.lower()
    yield secret.encode().hex()
    packed = bytes.fromhex(secret) if _PACKABLE.match(secret) else b""
    for data in filter(None, (secret.encode(), packed)):
        for shift in range(3):
            # Of what stands at any place in a longer text, the letters that its neighbours do not change.
            yield base64.b64encode(bytes(shift) + data)[4 if shift else 0 : -4].decode().lower()


FORMS = {form: secret for secret in SECRETS for form in _forms(secret)}


def found_in(haystack: str) -> list[str]:
    """What of the cards is in a text, in whatever form; a part of each only, for the message of a failing test."""
    lowered = haystack.lower()
    return [f"{form[:8]}... at {lowered.index(form)}" for form in FORMS if form in lowered]


class RawLogs(logging.Handler):
    """Everything that anybody logs by the standard library, before anything is taken out of it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = traceback.format_exception(*record.exc_info) if record.exc_info else []
        self.lines.append(" ".join([record.name, record.getMessage(), *said]))


@pytest.fixture
def raw_logs() -> Iterator[RawLogs]:
    """At the level at which SQLAlchemy shows the parameters and rows of every statement."""
    handler, root, statements = RawLogs(), logging.getLogger(), logging.getLogger("sqlalchemy")
    levels = root.level, statements.level
    root.addHandler(handler)
    for logger in (root, statements):
        logger.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(levels[0])
    statements.setLevel(levels[1])


@pytest.fixture
async def banks(
    raw_logs: RawLogs, postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ConcentratedShop]:
    async with open_concentrated_shop(postgres_server, tmp_path_factory.mktemp("acquirers")) as opened:
        yield opened


@pytest.mark.parametrize("form", sorted(FORMS))
def test_the_search_finds_what_it_looks_for(form: str) -> None:
    assert found_in(f"something {form.upper()} else")


@pytest.mark.parametrize("shift", range(4))
def test_the_search_finds_a_card_inside_of_base64(shift: int) -> None:
    assert found_in(base64.b64encode(b"x" * shift + KEYED["number"].encode() + b"and more").decode())
    assert found_in(base64.b64encode(b"x" * shift + bytes.fromhex(KEYED["number"]) + b"and more").decode())


async def test_nothing_of_a_card_is_kept_or_said_anywhere(banks: ConcentratedShop, raw_logs: RawLogs) -> None:
    with capture_logs() as events:
        answers = [*await _cards_of_all_kinds(banks), *await _malformed(banks)]
        await banks.shop.services.drained()
    # That nothing was found is worth something only if the cards were there, and everything was looked at.
    sent = [message.fields for host in (banks.primary, banks.other) for message in host.financial()]
    shown = " ".join(text.upper().replace("D", "=") for fields in sent for text in fields.values())
    assert {secret for secret in SECRETS if secret.replace("D", "=") in shown} == set(SECRETS)
    tables = await _tables(banks)
    assert {"outbox", "acquirer_messages", "operations", "intent_history"} <= {
        name for name, rows in tables.items() if rows
    }
    said = [str(event) + _traceback_of(event) for event in events]
    assert any("FaultInjected" in each for each in [*said, *raw_logs.lines])
    spans = [span.to_json() + "".join(str(event.attributes) for event in span.events) for span in _spans(banks)]
    assert any("/card" in span for span in spans)
    metrics = (await banks.shop.services.http.get("/payments/metrics")).text
    for place, texts in {
        "answers": answers,
        "events": said,
        "logs": raw_logs.lines,
        "traces": spans,
        "metrics": [metrics],
    }.items():
        assert [each[:700] for each in texts if found_in(each)] == [], place
    assert {name: found_in(rows) for name, rows in tables.items() if found_in(rows)} == {}


async def _cards_of_all_kinds(banks: ConcentratedShop) -> list[str]:
    """Approved, declined, lost, interrupted, given back: what is answered to each."""
    answers = []
    paid = [await banks.awaiting() for _ in range(6)]
    answers += [await _posts(banks, paid[0], KEYED), await _posts(banks, paid[1], CHIP)]
    await banks.shop.release(paid[1])
    banks.primary.code = lambda request: "51" if request.mti == "0200" else "00"
    answers.append(await _posts(banks, paid[2], READ))
    banks.primary.code = lambda request: "00"
    banks.primary.behave = lambda request: "act_and_ignore" if request.mti == "0200" else "answer"
    answers.append(await _posts(banks, paid[3], KEYED))
    banks.primary.behave = lambda request: "answer"
    interrupted = (paid[4], "payments_before_acquirer_stored"), (paid[5], "payments_after_acquirer_answer")
    for intent_id, point in interrupted:
        with armed(point):
            answers.append(await _posts(banks, intent_id, CHIP))
    await banks.shop.capture(paid[0])
    refund = await banks.shop.authorize(-1_000, instrument=TERMINAL, original_tender_id=paid[0])
    await banks.shop.becomes(refund, "awaiting_card")
    answers.append(await _posts(banks, refund, KEYED))
    with armed("payments_before_reply_recorded"), pytest.raises(FaultInjected):
        await banks.forwards()
    await settles(banks)
    answers += [json.dumps(await banks.shop.intent(intent_id)) for intent_id in (*paid, refund)]
    return answers


async def _malformed(banks: ConcentratedShop) -> list[str]:
    """Requests that are wrong in every place where a card may stand; none is answered with it."""
    intent_id = await banks.awaiting()
    number, track_2, chip, pin_block = KEYED["number"], CHIP["track_2"], CHIP["chip_data"], CHIP["pin_block"]
    bodies: list[dict[str, Any]] = [
        {**KEYED, "number": int(number)},
        {**KEYED, "number": [number]},
        {**KEYED, "number": {"digits": number}},
        {**KEYED, "number": number + "0000"},
        {**KEYED, "expiry": number},
        {**KEYED, "entry": number},
        {**KEYED, "card_number": number},
        {**CHIP, "track_2": track_2 + "99999999999"},
        {**CHIP, "track_2": [track_2]},
        {**CHIP, "chip_data": chip + "Z"},
        {**CHIP, "chip_data": {"tags": chip}},
        {**CHIP, "pin_block": pin_block + "00"},
        {**CHIP, "pin_block": 12},
        {"entry": "chip", "chip_data": chip, "number": number},
        {number: "keyed"},
    ]
    answers = [await _posts(banks, intent_id, body, refused=True) for body in bodies]
    path = f"/payments/v1/intents/{intent_id}/card"
    person = banks.shop.person()
    headers = {"Authorization": f"Bearer {person.token}", "Idempotency-Key": str(uuid4())}
    for content in (json.dumps(KEYED)[:-1], f"number={number}", json.dumps([KEYED]), json.dumps(number)):
        response = await person.http.post(
            path, content=content, headers={**headers, "Content-Type": "application/json"}
        )
        assert response.is_client_error, response.text
        answers.append(response.text)
    reason = await person.post(f"/intents/{intent_id}/abandonment", {"reason": f"the card {number} was refused"})
    assert reason.is_client_error, reason.text
    assert (await banks.shop.intent(intent_id))["state"] == "awaiting_card"
    return [*answers, reason.text]


async def _posts(banks: ConcentratedShop, intent_id: UUID, card: dict[str, Any], *, refused: bool = False) -> str:
    response = await banks.shop.person().post(f"/intents/{intent_id}/card", card)
    assert response.is_client_error is refused, response.text
    return str(response.headers) + response.text


def _traceback_of(event: Any) -> str:
    raised = event.get("exc_info")
    if raised is True or not raised:
        return ""
    error = raised[1] if isinstance(raised, tuple) else raised
    return "".join(traceback.format_exception(error))


def _spans(banks: ConcentratedShop) -> Any:
    return banks.shop.services.spans.get_finished_spans()


async def _tables(banks: ConcentratedShop) -> dict[str, str]:
    """Every row of every table of payments as text; bytes in hexadecimal, and once more as the letters they are."""
    tables = {}
    async with banks.shop.database.reading() as connection:
        names = await connection.execute(text("select tablename from pg_tables where schemaname = 'payments'"))
        for name in list(names.scalars()):
            rows = [tuple(row) for row in await connection.execute(text(f'select * from "{name}"'))]
            values = [value for row in rows for value in row]
            tables[name] = " ".join(
                each.hex() + " " + each.decode("latin-1") if isinstance(each, bytes) else str(each) for each in values
            )
    return tables
