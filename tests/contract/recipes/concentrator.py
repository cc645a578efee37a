"""Recipes for acquirers, concentrated terminals, transaction reports and slips; no acquirer is ever reached."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from libs.contracts.gateway import DeviceChanged
from libs.persistence import UnitOfWork
from services.payments.use_cases.keep_terminals import keep_terminals
from tests.contract.living_shop import CURRENCY, Json, LivingShop
from tests.contract.recipes.payments import HELD_MINOR, held, of_store, settlement
from tests.contract.recipes.recipe import Names, Recipe, letters

_API = "/payments/v1"
_ACQUIRER = "first-bank"


def _named(shop: LivingShop) -> Names:
    return {"name": _ACQUIRER}


def _chosen(shop: LivingShop) -> Names:
    """Somebody has chosen the acquirer's link."""
    path = f"{_API}/acquirers/{_ACQUIRER}/link-choice"
    shop.office("PUT", path, {"link": "backup", "reason": "The line is worked on"})
    return _named(shop)


def _numbers() -> list[Json]:
    number = uuid4().hex[:8]
    return [{"acquirer": _ACQUIRER, "terminal_number": number, "merchant_number": "SHOP01", "category": "5411"}]


def _body(shop: LivingShop) -> Json:
    return {"store_id": shop.store_id, "name": "k" + letters(20), "numbers": _numbers()}


def _terminal(shop: LivingShop) -> Names:
    made = shop.office("POST", f"{_API}/concentrated-terminals", _body(shop))
    return {"terminal_id": made["terminal_id"]}


def _awaiting(shop: LivingShop) -> Names:
    """A hold that waits for its card."""
    terminal = shop.office("POST", f"{_API}/concentrated-terminals", _body(shop))
    body = {"currency": CURRENCY, "amount_minor": HELD_MINOR, "terminal": terminal["name"]}
    return {"intent_id": shop.till("POST", f"{_API}/pre-authorisations", body)["intent_id"]}


def _of_a_day(shop: LivingShop) -> Names:
    return {**of_store(shop), "from": "2026-01-31T00:00:00+01:00", "until": "2026-02-01T00:00:00+01:00"}


def _slip(shop: LivingShop) -> Names:
    """A slip of a standalone terminal, and a printer at the till, of a gateway that is never there."""
    printer = DeviceChanged(
        device_id=uuid4(),
        gateway_id=uuid4(),
        store_id=UUID(shop.store_id),
        till_ids=(UUID(shop.first.id),),
        name="receipt-printer",
        kind="printer",
        driver="escpos",
        configured=True,
        state="ready",
        changed_at=datetime(2026, 1, 31, tzinfo=UTC),
    )

    async def hear(work: UnitOfWork) -> None:
        await keep_terminals(work.connection, [(1, printer)])

    shop.behind("payments", hear)
    names = held(shop)
    return {**names, "slip_id": names["intent_id"]}


def _says(**body: Any) -> Any:
    return lambda shop, names: dict(body)


CONCENTRATOR: dict[str, Recipe] = {
    f"GET {_API}/acquirers": Recipe(),
    f"PUT {_API}/acquirers/{{name}}/link-choice": Recipe(_named, _says(link="primary", reason="It works again")),
    f"DELETE {_API}/acquirers/{{name}}/link-choice": Recipe(_chosen, spent=True),
    f"GET {_API}/acquirers/{{name}}/events": Recipe(_named),
    f"GET {_API}/stored-messages": Recipe(),
    f"POST {_API}/concentrated-terminals": Recipe(body=lambda shop, names: _body(shop), spent=True),
    f"GET {_API}/concentrated-terminals": Recipe(query=of_store),
    f"GET {_API}/terminals/{{terminal_id}}/numbers": Recipe(_terminal),
    f"PUT {_API}/terminals/{{terminal_id}}/numbers": Recipe(_terminal, lambda shop, names: {"numbers": _numbers()}),
    f"POST {_API}/intents/{{intent_id}}/card": Recipe(
        _awaiting, _says(entry="keyed", number="4111111111111111", expiry="2912"), spent=True
    ),
    f"POST {_API}/intents/{{intent_id}}/abandonment": Recipe(_awaiting, _says(reason="No card came"), spent=True),
    f"GET {_API}/transactions": Recipe(query=_of_a_day),
    f"GET {_API}/transactions/totals": Recipe(query=_of_a_day),
    f"GET {_API}/transactions.csv": Recipe(query=_of_a_day),
    f"GET {_API}/settlements/{{settlement_id}}/report": Recipe(settlement),
    f"GET {_API}/intents/{{intent_id}}/slips": Recipe(held),
    f"POST {_API}/intents/{{intent_id}}/slips/{{slip_id}}/prints": Recipe(_slip, _says(copy="customer")),
}
OTHERWISE: dict[str, Json] = {
    f"POST {_API}/concentrated-terminals": {"name": "another-one"},
    f"POST {_API}/intents/{{intent_id}}/slips/{{slip_id}}/prints": {"copy": "merchant"},
}
"""What makes another request of the right one, for keyed routes."""
LISTS_OF_A_STORE = [
    f"GET {_API}/concentrated-terminals",
    f"GET {_API}/transactions",
    f"GET {_API}/transactions/totals",
    f"GET {_API}/transactions.csv",
]
"""Lists that are asked for by `store_id`."""
