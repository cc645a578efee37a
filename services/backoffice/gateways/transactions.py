"""What the pages need of payments' transaction report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import httpx

from services.backoffice.gateways.api_client import ApiClient, Facts

_ROOT = "/payments/v1"


class Transaction(Facts):
    """A row of the report; `amount_minor` is what was asked for, `kind` which way. `at` is when."""

    intent_id: UUID
    at: datetime
    store_id: UUID
    till_id: UUID
    terminal_id: UUID | None = None
    terminal: str | None = None
    kind: str
    state: str
    scheme: str | None = None
    masked_number: str | None = None
    approval_code: str | None = None
    acquirer: str | None = None
    currency: str
    amount_minor: int


class Total(Facts):
    """What one scheme's transactions of one kind come to: all of them, and those by which money moved."""

    scheme: str
    kind: str
    currency: str
    count: int
    taken_count: int
    taken_minor: int


class _Totals(Facts):
    items: tuple[Total, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which transactions: of a store, from an instant until before another, and whatever else is given."""

    store_id: UUID
    since: datetime
    until: datetime
    till_id: str | None = None
    terminal_id: str | None = None
    scheme: str | None = None
    state: str | None = None

    def query(self) -> dict[str, str]:
        """The parameters of the API."""
        given = {
            "store_id": str(self.store_id),
            "from": self.since.isoformat(),
            "until": self.until.isoformat(),
            "till_id": self.till_id,
            "terminal_id": self.terminal_id,
            "scheme": self.scheme,
            "state": self.state,
        }
        return {name: value for name, value in given.items() if value}


class Transactions:
    """Payments' report in the name of one person; raises what ApiClient raises."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def page(self, wanted: Wanted, cursor: str | None, rows: int) -> tuple[list[Transaction], str | None]:
        """A page of the rows."""
        path = f"{_ROOT}/transactions"
        return await self._client.page(Transaction, path, **wanted.query(), cursor=cursor, limit=rows)

    async def totals(self, wanted: Wanted) -> tuple[Total, ...]:
        """Totals by scheme and kind."""
        return (await self._client.get(_Totals, f"{_ROOT}/transactions/totals", **wanted.query())).items

    async def file(self, query: dict[str, str]) -> httpx.Response:
        """All rows as CSV, not read yet; the caller closes it."""
        return await self._client.download(f"{_ROOT}/transactions.csv", **query)
