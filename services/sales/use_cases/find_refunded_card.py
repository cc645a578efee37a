"""Find the card that a refund goes back to, when the till named none."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.contracts.sales import LineFacts
from libs.persistence import Connection
from services.sales.domain.basket import Basket
from services.sales.domain.card_refund import card_to_refund
from services.sales.storage.returns import ReturnsRepository


async def find_refunded_card(
    connection: Connection, basket: Basket, lines: Sequence[LineFacts], amount_minor: int
) -> UUID | None:
    """The card tender behind the goods that a basket, priced as `lines`, brings back; `amount_minor` is below zero.

    None where nothing comes back by its receipt. Raises what `card_to_refund` raises.
    """
    sale_ids = {line.returns_sale_id for line in lines if line.returns_sale_id is not None}
    originals = await ReturnsRepository(connection).originals(sale_ids)
    return card_to_refund(-amount_minor, lines, originals, basket.tenders)
