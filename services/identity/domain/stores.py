"""The chain, its stores and their tills."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.contracts.identity import StoreChanged, TillChanged
from libs.pricing import TaxMode, TaxRounding


@dataclass(frozen=True, slots=True)
class Chain:
    """The one chain of this installation."""

    id: UUID
    name: str
    version: int


@dataclass(frozen=True, slots=True)
class Store:
    """A store. Amounts at it are in `currency`, its business days are in `time_zone`; both stay for its life."""

    id: UUID
    code: str
    name: str
    country: str
    currency: str
    time_zone: str
    language: str
    tax_mode: TaxMode
    tax_rounding: TaxRounding
    cash_rounding_minor: int
    price_list: str | None
    tax_number: str | None
    address_lines: tuple[str, ...]
    receipt_footer: str | None
    active: bool
    version: int

    def facts(self) -> StoreChanged:
        """The event that tells the others; its sequence is `version`."""
        return StoreChanged(
            store_id=self.id,
            code=self.code,
            name=self.name,
            country=self.country,
            currency=self.currency,
            time_zone=self.time_zone,
            language=self.language,
            tax_mode=self.tax_mode.value,
            tax_rounding=self.tax_rounding.value,
            cash_rounding_minor=self.cash_rounding_minor,
            price_list=self.price_list,
            tax_number=self.tax_number,
            address_lines=self.address_lines,
            receipt_footer=self.receipt_footer,
            active=self.active,
        )


@dataclass(frozen=True, slots=True)
class Till:
    """A till. `enrolled_at` is when its present device took its code; its secret is known to that device alone."""

    id: UUID
    store_id: UUID
    code: str
    name: str
    active: bool
    enrolled_at: datetime | None
    version: int

    @property
    def enrolled(self) -> bool:
        """Whether a device has taken a code."""
        return self.enrolled_at is not None

    def facts(self) -> TillChanged:
        """The event that tells the others; its sequence is `version`."""
        return TillChanged(
            till_id=self.id,
            store_id=self.store_id,
            code=self.code,
            name=self.name,
            enrolled=self.enrolled,
            active=self.active,
        )


@dataclass(frozen=True, slots=True)
class EnrolmentCode:
    """A one-time code for a till, known here only by its hash."""

    id: UUID
    till_id: UUID
    expires_at: datetime
    used_at: datetime | None
    replaced_at: datetime | None
