"""What a recipe is, and what recipes are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.contract.living_shop import Json, LivingShop

Names = dict[str, str]
"""Values of path parameters."""


def no_names(shop: LivingShop) -> Names:
    return {}


def no_body(shop: LivingShop, names: Names) -> Any:
    return None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to call an operation so that it succeeds.

    `names` makes or finds what the path speaks of; `body` is a right one (None: there is none). `spent` says that a
    success uses the named things up, so that new ones are needed. `never` says why it cannot succeed here.
    """

    names: Callable[[LivingShop], Names] = no_names
    body: Callable[[LivingShop, Names], Any] = no_body
    query: Callable[[LivingShop], Names] = no_names
    token: Callable[[LivingShop], str | None] = field(default=lambda shop: shop.till.token)
    spent: bool = False
    never: str = ""


def new_code() -> str:
    return "x" + letters(15)


def id_of(path: str, body: Callable[[LivingShop], Json], name: str) -> Callable[[LivingShop], Names]:
    return lambda shop: {name: shop.office("POST", path, body(shop))["id"]}


def version_of(shop: LivingShop, path: str) -> int:
    return int(shop.office("GET", path)["version"])


def changed(path: str, **values: Any) -> Callable[[LivingShop, Names], Json]:
    """A body with the present version."""
    return lambda shop, names: {"version": version_of(shop, path.format(**names)), **values}


def nobody(shop: LivingShop) -> None:
    return None


def letters(count: int) -> str:
    """So many random letters: of as many digits some would be those of a card, which payments refuses."""
    return uuid4().hex[-count:].translate(str.maketrans("0123456789", "ghijklmnop"))
