"""A stand-in for payments, in the shape that its API has: what the pages show is then exactly what a test says."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, HTTPException, Query, Request
from pydantic_settings import BaseSettings
from starlette.responses import Response

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict, Invalid, NotFound
from libs.host.service import Service, TablelessContext, TablelessDefinition
from libs.web.authentication import Caller, require

Json = dict[str, Any]
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=8)]
NOW = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)


def ago(**parts: float) -> str:
    return (NOW - timedelta(**parts)).isoformat()


class UnknownThing(NotFound):
    type = "unknown-thing"


class NotUnknownAnyMore(Conflict):
    type = "intent-decided"


@dataclass
class Double:
    """What payments would hold. `asked` are the requests that changed something, in order.

    Of prints `keys` are the Idempotency-Keys; for each entry of `silent_after` one is done and not answered.
    """

    intents: dict[str, Json] = field(default_factory=dict)
    terminals: list[Json] = field(default_factory=list)
    settlements: dict[str, Json] = field(default_factory=dict)
    differences: dict[str, Json] = field(default_factory=dict)
    acquirers: dict[str, Json] = field(default_factory=dict)
    events: dict[str, list[Json]] = field(default_factory=dict)
    stored_messages: list[Json] = field(default_factory=list)
    transactions: list[Json] = field(default_factory=list)
    slips: dict[str, list[Json]] = field(default_factory=dict)
    asked: list[tuple[str, Json]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    silent_after: list[str] = field(default_factory=list)

    def forget(self) -> None:
        """Hold nothing any more."""
        for each in fields(self):
            getattr(self, each.name).clear()

    def intent(self, intent_id: str) -> Json:
        if intent_id not in self.intents:
            raise UnknownThing(f"No card payment {intent_id} is known.", field="intent_id")
        return self.intents[intent_id]

    def acquirer(self, name: str) -> Json:
        if name not in self.acquirers:
            raise UnknownThing(f"No acquirer {name} is known.", field="name")
        return self.acquirers[name]

    def definition(self) -> TablelessDefinition[Any]:
        """The service to run in payments' place."""

        def build(_: TablelessContext[Any]) -> Service:
            return Service(routers=[_routes(self)])

        return TablelessDefinition("payments", "A stand-in.", BaseSettings, build)


def make_intent(store_id: UUID, till_id: UUID, **given: Any) -> Json:
    """An intent as the API tells it."""
    made: Json = {
        "intent_id": str(uuid4()),
        "store_id": str(store_id),
        "till_id": str(till_id),
        "kind": "purchase",
        "state": "unknown",
        "pending": None,
        "currency": "EUR",
        "amount_minor": 4_250,
        "approved_minor": 0,
        "captured_minor": 0,
        "refunded_minor": 0,
        "terminal": "card-terminal",
        "standalone": False,
        "card": {"masked_number": "476173******0119", "scheme": "visa"},
        "references": None,
        "reason": "The line to the terminal broke.",
        "next_inquiry_at": None,
        "anomaly_count": 0,
        "created_at": ago(minutes=12),
        "unresolved_s": 720,
        "history": [],
        "operations": [],
    }
    return {**made, **given}


def _page(items: list[Json]) -> Json:
    return {"items": items, "next_cursor": None}


_READS = [require(Permission.PAYMENTS_READ)]
_RESOLVES = [require(Permission.PAYMENTS_RESOLVE)]
_SETTLES = [require(Permission.PAYMENTS_SETTLE)]
_CONFIGURES = [require(Permission.PAYMENTS_CONFIGURE)]


def _became(intent: Json, state: str, by: str, reason: str | None = None) -> None:
    line = {"kind": "transition", "from_state": intent["state"], "to_state": state, "at": ago(), "by_kind": "staff"}
    intent["history"].append({**line, "by_name": by, "approved_by_name": None, "reason": reason})
    intent["state"] = state
    if state not in ("unknown", "reversal_refused", "awaiting_confirmation"):
        intent["unresolved_s"] = None


def _filtered(double: Double, request: Request) -> list[Json]:
    asked = dict(request.query_params)
    since, until = asked.pop("from", None), asked.pop("until", None)
    same = ("store_id", "till_id", "terminal_id", "scheme", "state")
    return [
        each
        for each in double.transactions
        if all(asked.get(name) in (None, str(each.get(name))) for name in same)
        and (since is None or str(each["at"]) >= since)
        and (until is None or str(each["at"]) < until)
    ]


def _routes(double: Double) -> APIRouter:
    router = APIRouter()
    for add in (_intents, _slips, _settlements, _differences, _acquirers, _reports):
        add(router, double)
    return router


def _intents(router: APIRouter, double: Double) -> None:
    @router.get("/intents", dependencies=_READS)
    async def intents(state: str | None = None, limit: int = 50, cursor: str | None = None) -> Json:
        listed = [each for each in double.intents.values() if state != "unresolved" or each["unresolved_s"] is not None]
        listed.sort(key=lambda each: str(each["created_at"]))
        start = int(cursor or 0)
        more = str(start + limit) if len(listed) > start + limit else None
        return {"items": listed[start : start + limit], "next_cursor": more}

    @router.get("/intents/{intent_id}", dependencies=_READS)
    async def intent(intent_id: str) -> Json:
        return double.intent(intent_id)

    @router.post("/intents/{intent_id}/inquiry", dependencies=_RESOLVES)
    async def inquiry(intent_id: str, caller: Caller) -> Json:
        found = double.intent(intent_id)
        double.asked.append(("inquiry", {"intent_id": intent_id}))
        if found["state"] == "unknown":
            becomes = found.get("becomes", "captured")
            if becomes != "unknown":
                found["captured_minor"] = found["amount_minor"]
                _became(found, becomes, "terminal", "Found by an inquiry.")
        return found

    @router.post("/intents/{intent_id}/confirmation", dependencies=_RESOLVES)
    async def confirmation(intent_id: str, body: Json, caller: Caller, key: Key) -> Json:
        found = double.intent(intent_id)
        caller.demand(Permission.PAYMENTS_CONFIRM.value)
        if found["state"] not in ("unknown", "awaiting_confirmation"):
            raise NotUnknownAnyMore("The payment is decided already; nothing needs to be confirmed.")
        if body["outcome"] == "approved" and body.get("approval_code") == "000000":
            raise Invalid("approval_code: the acquirer knows no such code", field="approval_code")
        double.asked.append(("confirmation", {"intent_id": intent_id, **body}))
        _became(found, "captured" if body["outcome"] == "approved" else "declined", caller.name, body.get("note"))
        return found

    @router.post("/intents/{intent_id}/reversal", dependencies=_RESOLVES)
    async def reversal(intent_id: str, body: Json, caller: Caller, key: Key) -> Json:
        double.asked.append(("reversal", {"intent_id": intent_id, **body}))
        _became(double.intent(intent_id), "reversing", caller.name, body["reason"])
        return double.intent(intent_id)


def _slips(router: APIRouter, double: Double) -> None:
    @router.get("/intents/{intent_id}/slips", dependencies=_READS)
    async def slips(intent_id: str) -> Json:
        double.intent(intent_id)
        return _page(double.slips.get(intent_id, []))

    @router.post("/intents/{intent_id}/slips/{slip_id}/prints", dependencies=_RESOLVES, status_code=201)
    async def prints(intent_id: str, slip_id: str, body: Json, key: Key) -> Json:
        double.asked.append(("print", {"slip_id": slip_id, **body}))
        double.keys.append(key)
        if double.silent_after:
            double.silent_after.pop()
            raise HTTPException(503, "It was done, and the answer is lost")
        return {"job_id": str(uuid4())}


def _settlements(router: APIRouter, double: Double) -> None:
    @router.get("/terminals", dependencies=_READS)
    async def terminals(store_id: UUID) -> Json:
        return _page([each for each in double.terminals if each["store_id"] == str(store_id)])

    @router.get("/settlements", dependencies=_READS)
    async def settlements(store_id: UUID, limit: int, newest_first: bool = False) -> Json:
        of_store = [each for each in double.settlements.values() if each["store_id"] == str(store_id)]
        return _page((of_store[::-1] if newest_first else of_store)[:limit])

    @router.post("/settlements", dependencies=_SETTLES, status_code=201)
    async def settle(body: Json, key: Key) -> Json:
        double.asked.append(("settlement", body))
        terminal = next(each for each in double.terminals if each["terminal_id"] == body["terminal_id"])
        made = {
            "settlement_id": str(uuid4()),
            "store_id": terminal["store_id"],
            "till_id": terminal["till_ids"][0],
            "terminal_id": terminal["terminal_id"],
            "terminal": terminal["name"],
            "state": "requested",
            "currency": body["currency"],
            "requested_at": ago(),
        }
        double.settlements[made["settlement_id"]] = made
        return made

    @router.get("/settlements/{settlement_id}", dependencies=_READS)
    async def settlement(settlement_id: str) -> Json:
        if settlement_id not in double.settlements:
            raise UnknownThing(f"No settlement {settlement_id} is known.", field="settlement_id")
        return double.settlements[settlement_id]

    @router.get("/settlements/{settlement_id}/report", dependencies=_READS)
    async def report(settlement_id: str) -> Json:
        found = [each for each in double.differences.values() if each["settlement_id"] == settlement_id]
        whole = {
            "requested_by_name": "Mia Berger",
            "batches": [],
            "lines": double.transactions,
            **double.settlements[settlement_id],
        }
        return {**whole, "differences": found, "line_count": len(whole["lines"])}


def _differences(router: APIRouter, double: Double) -> None:
    @router.get("/differences", dependencies=_READS)
    async def differences(store_id: UUID, settlement_id: str | None = None, unclosed: bool = False) -> Json:
        return _page(
            [
                each
                for each in double.differences.values()
                if each["store_id"] == str(store_id)
                and settlement_id in (None, each["settlement_id"])
                and not (unclosed and each["state"] == "closed")
            ]
        )

    @router.post("/differences/{difference_id}/explanation", dependencies=_SETTLES)
    async def explanation(difference_id: str, body: Json, key: Key) -> Json:
        double.differences[difference_id].update(state="explained", explanation=body["explanation"])
        return double.differences[difference_id]

    @router.post("/differences/{difference_id}/closing", dependencies=_SETTLES)
    async def closing(difference_id: str, body: Json, key: Key) -> Json:
        double.differences[difference_id].update(state="closed", closing_reason=body["reason"])
        return double.differences[difference_id]


def _acquirers(router: APIRouter, double: Double) -> None:
    @router.get("/acquirers", dependencies=_READS)
    async def acquirers() -> Json:
        return {"items": list(double.acquirers.values())}

    @router.put("/acquirers/{name}/link-choice", dependencies=_CONFIGURES)
    async def choose(name: str, body: Json, caller: Caller) -> Json:
        choice = {"link": body["link"], "reason": body["reason"], "chosen_by_name": caller.name, "chosen_at": ago()}
        double.asked.append(("link-choice", {"name": name, **body}))
        double.acquirer(name)["choice"] = choice
        for link in double.acquirer(name)["links"]:
            for replica in link["replicas"]:
                replica["active"] = link["name"] == body["link"]
        return double.acquirer(name)

    @router.delete("/acquirers/{name}/link-choice", dependencies=_CONFIGURES, status_code=204)
    async def unchoose(name: str) -> None:
        double.asked.append(("link-choice taken back", {"name": name}))
        double.acquirer(name)["choice"] = None

    @router.get("/acquirers/{name}/events", dependencies=_READS)
    async def events(name: str) -> Json:
        return _page(double.events.get(name, []))

    @router.get("/stored-messages", dependencies=_READS)
    async def stored_messages(state: str | None = None, acquirer: str | None = None) -> Json:
        return _page(
            [
                each
                for each in double.stored_messages
                if state in (None, each["state"]) and acquirer in (None, each["acquirer"])
            ]
        )


def _reports(router: APIRouter, double: Double) -> None:
    @router.get("/transactions", dependencies=_READS)
    async def transactions(request: Request, limit: int = 50, cursor: Annotated[str | None, Query()] = None) -> Json:
        found, start = _filtered(double, request), int(cursor or 0)
        more = str(start + limit) if len(found) > start + limit else None
        return {"items": found[start : start + limit], "next_cursor": more}

    @router.get("/transactions/totals", dependencies=_READS)
    async def totals(request: Request) -> Json:
        sums: dict[tuple[str, str, str], Json] = {}
        for each in _filtered(double, request):
            key = (each["scheme"], each["kind"], each["currency"])
            names = {"scheme": key[0], "kind": key[1], "currency": key[2]}
            total = sums.setdefault(key, {**names, "count": 0, "taken_count": 0, "taken_minor": 0, "refunded_minor": 0})
            total["count"] += 1
            if each["state"] != "declined":
                total["taken_count"] += 1
                total["taken_minor"] += each["amount_minor"]
        return {"items": list(sums.values())}

    @router.get("/transactions.csv", dependencies=_READS)
    async def file(request: Request) -> Response:
        lines = [
            "at,scheme,amount_minor",
            *(f"{e['at']},{e['scheme']},{e['amount_minor']}" for e in _filtered(double, request)),
        ]
        name = {"content-disposition": 'attachment; filename="transactions.csv"'}
        return Response("\r\n".join(lines) + "\r\n", media_type="text/csv", headers=name)
