"""Exchange rates for foreign cash."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints

from libs.contracts.permissions import Permission
from libs.contracts.values import CurrencyCode, Instant
from libs.web.authentication import Caller, RequestBody, require
from libs.web.transactions import Reading, Work
from services.sales.domain.exchange_rate import ExchangeRate, UnknownExchangeRate
from services.sales.storage.exchange_rates import ExchangeRateRepository
from services.sales.use_cases.set_exchange_rate import set_exchange_rate

router = APIRouter(tags=["exchange rates"])


class ExchangeRateBody(RequestBody):
    """A new rate."""

    rate: Annotated[str, StringConstraints(max_length=40)] = Field(
        description="How much local money one unit of the foreign currency is worth, as a decimal string.",
        examples=["4.2537"],
    )


class ExchangeRateAnswer(BaseModel):
    """The rate at which tills that count in `local_currency` take cash in `foreign_currency`."""

    local_currency: CurrencyCode
    foreign_currency: CurrencyCode
    rate: str = Field(description="Local money per unit of foreign money.", examples=["4.2537"])
    changed_at: Instant
    changed_by: UUID

    @classmethod
    def of(cls, rate: ExchangeRate) -> ExchangeRateAnswer:
        """The rate as the API tells it."""
        return cls.model_validate(rate, from_attributes=True)


class ExchangeRatesAnswer(BaseModel):
    """Every rate of one local currency."""

    items: list[ExchangeRateAnswer]


@router.get(
    "/exchange-rates", summary="The foreign currencies that are taken", dependencies=[require(Permission.SALES_READ)]
)
async def get_exchange_rates(
    reading: Reading, local_currency: Annotated[CurrencyCode, Query(description="What the till counts in.")]
) -> ExchangeRatesAnswer:
    """At most one for each currency there is."""
    rates = await ExchangeRateRepository(reading).all_of(local_currency)
    return ExchangeRatesAnswer(items=[ExchangeRateAnswer.of(rate) for rate in rates])


@router.put(
    "/exchange-rates/{local_currency}/{foreign_currency}",
    summary="Take cash in a foreign currency at this rate",
    dependencies=[require(Permission.SALES_CONFIGURE)],
)
async def put_exchange_rate(
    local_currency: CurrencyCode, foreign_currency: CurrencyCode, body: ExchangeRateBody, work: Work, caller: Caller
) -> ExchangeRateAnswer:
    """It holds for tenders from now on; those already taken keep theirs (retail rule 16)."""
    rate = await set_exchange_rate(
        work, caller, local_currency=local_currency, foreign_currency=foreign_currency, rate=body.rate
    )
    return ExchangeRateAnswer.of(rate)


@router.delete(
    "/exchange-rates/{local_currency}/{foreign_currency}",
    status_code=204,
    summary="Stop taking cash in a foreign currency",
    dependencies=[require(Permission.SALES_CONFIGURE)],
)
async def delete_exchange_rate(local_currency: CurrencyCode, foreign_currency: CurrencyCode, work: Work) -> None:
    """404 `unknown-exchange-rate` when it was not taken."""
    if not await ExchangeRateRepository(work.connection).remove(local_currency, foreign_currency):
        raise UnknownExchangeRate(f"{foreign_currency} is not taken at tills that count in {local_currency}.")
