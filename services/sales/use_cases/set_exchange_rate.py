"""Set the rate at which foreign cash is taken (retail rule 16)."""

from __future__ import annotations

from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.sales.domain.exchange_rate import ExchangeRate, InvalidExchangeRate, parse_rate
from services.sales.storage.exchange_rates import ExchangeRateRepository


async def set_exchange_rate(
    work: UnitOfWork, caller: Principal, *, local_currency: str, foreign_currency: str, rate: str
) -> ExchangeRate:
    """Store `rate`, a decimal string of local per foreign unit. Raises InvalidExchangeRate."""
    if local_currency == foreign_currency:
        raise InvalidExchangeRate(f"{local_currency} is not exchanged for itself.", field="foreign_currency")
    stored = ExchangeRate(
        local_currency=local_currency,
        foreign_currency=foreign_currency,
        # Plain notation: "1e2" and "0100.0" are understood and stored as people write them.
        rate=format(parse_rate(rate).normalize(), "f"),
        changed_at=work.now,
        changed_by=caller.id,
    )
    await ExchangeRateRepository(work.connection).put(stored)
    return stored
