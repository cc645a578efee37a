"""Keep what catalog and identity published; a fact older than the one held changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from libs.contracts.catalog import (
    BarcodeLayoutsChanged,
    PriceChanged,
    ProductChanged,
    PromotionChanged,
    TaxCategoryChanged,
)
from libs.contracts.identity import StaffChanged, StoreChanged, TillChanged
from libs.contracts.message import Message
from libs.contracts.refusal import Invalid
from libs.money import Unit
from libs.persistence import Connection
from libs.pricing import InvalidPromotion, PricingError, promotion_from_facts
from services.sales.domain.priced_contents import tax_policy
from services.sales.price_books import tax_category_from_facts
from services.sales.storage.catalogue import CatalogueRepository

Fact = TypeVar("Fact", bound=Message)


class UnreadableFact(Invalid):
    """A message whose facts this service cannot sell by; it is kept among the dead messages."""

    type = "unreadable-fact"


@dataclass
class CatalogueChanges:
    """Facts in the order they came: products and prices by their newest only, because one supersedes the other."""

    products: dict[UUID, tuple[int, ProductChanged]] = field(default_factory=dict)
    prices: dict[UUID, tuple[int, PriceChanged]] = field(default_factory=dict)
    others: list[tuple[int, Message]] = field(default_factory=list)

    def add(self, message: Message, sequence: int) -> None:
        """Add a fact. Raises UnreadableFact for one that no basket could be priced with."""
        check_readable(message)
        if isinstance(message, ProductChanged):
            _keep_newest(self.products, message.product_id, sequence, message)
        elif isinstance(message, PriceChanged):
            _keep_newest(self.prices, message.product_id, sequence, message)
        else:
            self.others.append((sequence, message))


async def keep_catalogue(connection: Connection, changes: CatalogueChanges) -> None:
    """Store the changes; every process reads again what is in force if they touch it. New names, PINs and roles of
    staff do not.
    """
    repository = CatalogueRepository(connection)
    await repository.put_products(changes.products)
    await repository.put_prices(changes.prices)
    touched = False
    for version, message in changes.others:
        touched = touched or not isinstance(message, StaffChanged)
        match message:
            case PromotionChanged():
                await repository.put_promotion(version, message)
            case TaxCategoryChanged():
                await repository.put_tax_category(version, message)
            case BarcodeLayoutsChanged():
                await repository.put_layouts(version, message)
            case StoreChanged():
                await repository.put_store(version, message)
            case TillChanged():
                await repository.put_till(version, message)
            case StaffChanged():
                touched = await repository.put_staff(version, message) or touched
            case _:
                raise UnreadableFact(f"Sales keeps no {type(message).__name__}.")
    if touched:
        await repository.bump_revision()


def check_readable(message: Message) -> None:
    """Raise UnreadableFact for a fact that would make baskets impossible to price, naming what is wrong."""
    try:
        match message:
            case PromotionChanged() if message.active:
                promotion_from_facts({**message.facts, "id": str(message.promotion_id)})
            case TaxCategoryChanged():
                tax_category_from_facts(message.model_dump(mode="json"))
            case ProductChanged():
                Unit(message.unit)
            case StoreChanged():
                tax_policy(message)
                ZoneInfo(message.time_zone)
            case _:
                pass
    except (InvalidPromotion, PricingError) as error:
        raise UnreadableFact(str(error), field=error.field) from error
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise UnreadableFact(str(error)) from error


def _keep_newest(kept: dict[UUID, tuple[int, Fact]], key: UUID, sequence: int, message: Fact) -> None:
    present = kept.get(key)
    if present is None or present[0] < sequence:
        kept[key] = (sequence, message)
