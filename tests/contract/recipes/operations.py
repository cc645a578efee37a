"""What the host adds to every service that has messages: the routes of the dead ones."""

from __future__ import annotations

from libs.host.registry import all_services, with_tables
from tests.contract.living_shop import LivingShop
from tests.contract.recipes.recipe import Names, Recipe

_NONE_IS_DEAD = "no message is dead in a living shop"


def _of_no_message(shop: LivingShop) -> Names:
    return {"message_id": "nothing"}


OPERATIONS: dict[str, Recipe] = {
    label: recipe
    for name in (definition.name for definition in with_tables(all_services()))
    for label, recipe in (
        (f"GET /{name}/v1/dead-messages", Recipe()),
        (f"POST /{name}/v1/dead-messages/{{message_id}}/replay", Recipe(_of_no_message, never=_NONE_IS_DEAD)),
        (f"POST /{name}/v1/dead-messages/{{message_id}}/discard", Recipe(_of_no_message, never=_NONE_IS_DEAD)),
    )
}
