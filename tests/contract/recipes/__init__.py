"""For every operation: which existing things to name, a body that is right, and who calls.

What is generated is laid over these, so that it gets past "there is no such thing" and "this field is missing" to
where the work is done.
"""

from __future__ import annotations

from tests.contract.recipes.catalog import CATALOG
from tests.contract.recipes.concentrator import CONCENTRATOR
from tests.contract.recipes.identity import IDENTITY
from tests.contract.recipes.operations import OPERATIONS
from tests.contract.recipes.payments import PAYMENTS
from tests.contract.recipes.printing import PRINTING
from tests.contract.recipes.recipe import Names, Recipe, nobody
from tests.contract.recipes.sales import SALES

__all__ = ["RECIPES", "Names", "Recipe", "recipe_for"]

RECIPES: dict[str, Recipe] = {**IDENTITY, **CATALOG, **SALES, **PRINTING, **OPERATIONS, **PAYMENTS, **CONCENTRATOR}
_HEALTH = Recipe(token=nobody)


def recipe_for(label: str) -> Recipe:
    """The recipe of an operation such as "GET /sales/v1/sales". Raises KeyError when there is none: write one."""
    return _HEALTH if label.endswith(("/healthz", "/readyz")) else RECIPES[label]
