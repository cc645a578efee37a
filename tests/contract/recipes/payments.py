"""Recipes for payments: standalone terminals stand in for wired ones wherever a step has to succeed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from libs.contracts.gateway import DeviceChanged
from libs.persistence import UnitOfWork
from services.payments.use_cases.keep_terminals import keep_terminals
from tests.contract.living_shop import CURRENCY, Json, LivingShop
from tests.contract.recipes.recipe import Names, Recipe, letters

_API = "/payments/v1"
HELD_MINOR = 10_000


def _name() -> str:
    return "t" + letters(20)


def _terminal(shop: LivingShop) -> Names:
    """A new terminal that stands alone."""
    made = shop.office("POST", f"{_API}/standalone-terminals", {"store_id": shop.store_id, "name": _name()})
    return {"terminal_id": made["terminal_id"], "name": made["name"]}


def _asked(shop: LivingShop) -> Names:
    """A hold that waits for what the slip of a standalone terminal says."""
    body = {"currency": CURRENCY, "amount_minor": HELD_MINOR, "terminal": _terminal(shop)["name"]}
    return {"intent_id": shop.till("POST", f"{_API}/pre-authorisations", body)["intent_id"]}


def _confirmed(shop: LivingShop, names: Names) -> Names:
    body = {"approval_code": "A12", "last_four": "0119"}
    shop.till("POST", f"{_API}/intents/{names['intent_id']}/confirmation", body)
    return names


def held(shop: LivingShop) -> Names:
    return _confirmed(shop, _asked(shop))


def _completed(shop: LivingShop) -> Names:
    names = held(shop)
    shop.till("POST", f"{_API}/pre-authorisations/{names['intent_id']}/completion", {})
    return _confirmed(shop, names)


def _with_default(shop: LivingShop) -> Names:
    """The till has a terminal to use."""
    terminal = _terminal(shop)
    path = f"{_API}/tills/{shop.first.id}/default-terminal"
    shop.office("PUT", path, {"terminal_id": terminal["terminal_id"]})
    return {}


def _wired(shop: LivingShop) -> Names:
    """The till has a wired terminal, of a gateway that is never there."""
    name = _name()
    device = DeviceChanged(
        device_id=uuid4(),
        gateway_id=uuid4(),
        store_id=UUID(shop.store_id),
        till_ids=(UUID(shop.first.id),),
        name=name,
        kind="terminal",
        driver="simulated",
        configured=True,
        state="ready",
        changed_at=datetime(2026, 1, 31, tzinfo=UTC),
    )

    async def hear(work: UnitOfWork) -> None:
        await keep_terminals(work.connection, [(1, device)])

    shop.behind("payments", hear)
    return {"name": name}


def _question(shop: LivingShop, names: Names) -> Json:
    return {"action": "diagnosis", "currency": CURRENCY, "terminal": names["name"]}


def _operation(shop: LivingShop) -> Names:
    asked = shop.till("POST", f"{_API}/terminal-operations", _question(shop, _wired(shop)))
    return {"operation_id": asked["operation_id"]}


def _day(shop: LivingShop, names: Names) -> Json:
    totals = [{"scheme": "visa", "sale_count": 1, "sale_minor": 100}]
    return {"terminal_id": names["terminal_id"], "currency": CURRENCY, "totals": totals}


def settlement(shop: LivingShop) -> Names:
    made = shop.till("POST", f"{_API}/settlements", _day(shop, _terminal(shop)))
    return {"settlement_id": made["settlement_id"]}


def _difference(shop: LivingShop) -> Names:
    query = {"store_id": shop.store_id, **settlement(shop)}
    [found] = shop.till("GET", f"{_API}/differences", **query)["items"]
    return {"difference_id": found["difference_id"]}


def _csv(shop: LivingShop, names: Names) -> bytes:
    code = uuid4().hex[:12]
    return f"kind,date,currency,amount,approval_code\nsale,2026-01-31,{CURRENCY},1.00,{code}\nsale,,,,\n".encode()


def _file(shop: LivingShop) -> Names:
    headers = {"Authorization": f"Bearer {shop.till.token}", "Content-Type": "text/csv"}
    query = {"store_id": shop.store_id}
    made = shop.http.post(f"{_API}/acquirer-files", content=_csv(shop, {}), params=query, headers=headers)
    return {"file_id": made.json()["file_id"]}


def _limit(shop: LivingShop) -> Names:
    shop.office("PUT", f"{_API}/cash-back-limits/{CURRENCY}/visa", {"limit_minor": 5_000})
    return {"currency": CURRENCY, "scheme": "visa"}


def of_store(shop: LivingShop) -> Names:
    return {"store_id": shop.store_id}


def _says(**body: Any) -> Any:
    return lambda shop, names: dict(body)


_INTENT = f"{_API}/intents/{{intent_id}}"
_HOLD = f"{_API}/pre-authorisations/{{intent_id}}"

PAYMENTS: dict[str, Recipe] = {
    f"GET {_API}/intents": Recipe(),
    f"GET {_INTENT}": Recipe(held),
    f"POST {_INTENT}/inquiry": Recipe(held),
    f"POST {_INTENT}/confirmation": Recipe(_asked, _says(approval_code="A12", last_four="0119"), spent=True),
    f"POST {_INTENT}/reversal": Recipe(_completed, _says(reason="Wrong guest"), spent=True),
    f"POST {_INTENT}/refunds": Recipe(_completed, _says(amount_minor=100), spent=True),
    f"POST {_API}/pre-authorisations": Recipe(_with_default, _says(currency=CURRENCY, amount_minor=HELD_MINOR)),
    f"POST {_HOLD}/increments": Recipe(held, _says(amount_minor=500), spent=True),
    f"POST {_HOLD}/completion": Recipe(held, _says(amount_minor=900), spent=True),
    f"POST {_HOLD}/cancellation": Recipe(held, _says(reason="Left early"), spent=True),
    f"GET {_API}/terminals": Recipe(query=of_store),
    f"POST {_API}/standalone-terminals": Recipe(body=lambda shop, names: {"store_id": shop.store_id, "name": _name()}),
    f"PUT {_API}/tills/{{till_id}}/default-terminal": Recipe(
        lambda shop: {"till_id": shop.second.id, **_terminal(shop)},
        lambda shop, names: {"terminal_id": names["terminal_id"]},
    ),
    f"POST {_API}/terminals/{{terminal_id}}/release": Recipe(_terminal, _says(note="Broken")),
    f"POST {_API}/terminal-operations": Recipe(_wired, _question),
    f"GET {_API}/terminal-operations/{{operation_id}}": Recipe(_operation),
    f"GET {_API}/cash-back-limits": Recipe(query=lambda shop: {"currency": CURRENCY}),
    f"PUT {_API}/cash-back-limits/{{currency}}/{{scheme}}": Recipe(_limit, _says(limit_minor=6_000)),
    f"DELETE {_API}/cash-back-limits/{{currency}}/{{scheme}}": Recipe(_limit, spent=True),
    f"POST {_API}/settlements": Recipe(_terminal, _day, spent=True),
    f"GET {_API}/settlements": Recipe(query=of_store),
    f"GET {_API}/settlements/{{settlement_id}}": Recipe(settlement),
    f"GET {_API}/differences": Recipe(query=of_store),
    f"POST {_API}/differences/{{difference_id}}/explanation": Recipe(_difference, _says(explanation="By hand")),
    f"POST {_API}/differences/{{difference_id}}/closing": Recipe(_difference, _says(reason="Booked"), spent=True),
    f"POST {_API}/acquirer-files": Recipe(body=_csv, query=of_store),
    f"GET {_API}/acquirer-files": Recipe(query=of_store),
    f"GET {_API}/acquirer-files/{{file_id}}/refusals": Recipe(_file),
}
OTHERWISE: dict[str, Json] = {
    f"POST {_INTENT}/confirmation": {"approval_code": "B34"},
    f"POST {_INTENT}/reversal": {"reason": "Another one"},
    f"POST {_INTENT}/refunds": {"amount_minor": 101},
    f"POST {_API}/pre-authorisations": {"amount_minor": HELD_MINOR + 1},
    f"POST {_HOLD}/increments": {"amount_minor": 501},
    f"POST {_HOLD}/completion": {"amount_minor": 901},
    f"POST {_HOLD}/cancellation": {"reason": "Another one"},
    f"POST {_API}/standalone-terminals": {"name": "another-one"},
    f"POST {_API}/terminals/{{terminal_id}}/release": {"note": "Another one"},
    f"POST {_API}/terminal-operations": {"action": "last_slip"},
    f"POST {_API}/settlements": {"totals": []},
    f"POST {_API}/differences/{{difference_id}}/explanation": {"explanation": "Another one"},
    f"POST {_API}/differences/{{difference_id}}/closing": {"reason": "Another one"},
}
"""What makes another request of the right one, for keyed routes."""
LISTS_OF_A_STORE = [
    f"GET {_API}/terminals",
    f"GET {_API}/settlements",
    f"GET {_API}/differences",
    f"GET {_API}/acquirer-files",
]
