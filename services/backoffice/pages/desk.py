"""One opened page: who is at it, what it was asked for, and the ways to the APIs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid4

from nicegui import ui
from starlette.requests import Request

from services.backoffice.domain.figures import Figures
from services.backoffice.gateways.api_client import ApiFailure, Refused, SignedOff
from services.backoffice.gateways.concentrator import Concentrator
from services.backoffice.gateways.identity import Identity, Store, Till
from services.backoffice.gateways.payments import Payments
from services.backoffice.gateways.transactions import Transactions
from services.backoffice.office import Office
from services.backoffice.pages.front import ROOT, sign_on_path
from services.backoffice.sessions import Session

Result = TypeVar("Result")


@dataclass(frozen=True)
class Premises:
    """The person's stores and their tills, by id. Empty for who may not read them: then ids stand for names."""

    stores: Mapping[UUID, Store] = field(default_factory=dict)
    tills: Mapping[UUID, Till] = field(default_factory=dict)

    def store_name(self, store_id: UUID) -> str:
        """The store's name, or the end of its id."""
        store = self.stores.get(store_id)
        return store.name if store else _short(store_id)

    def till_name(self, till_id: UUID | None) -> str:
        """The till's name, or the end of its id."""
        till = self.tills.get(till_id) if till_id else None
        return till.name if till else (_short(till_id) if till_id else "–")

    def figures(self, store_id: UUID | None) -> Figures:
        """How the store's figures are written."""
        store = self.stores.get(store_id) if store_id else None
        return Figures.of(store.language, store.country, store.time_zone) if store else Figures.neutral()


class Desk:
    """What a page is drawn with. Its clients raise SignedOff once the session has ended, wherever it was ended."""

    def __init__(self, request: Request) -> None:
        self._office: Office = request.state.office
        self.session: Session = request.state.session
        self.root: str = request.scope[ROOT]
        self.path: Mapping[str, str] = request.path_params
        self.query: Mapping[str, str] = request.query_params
        self.here = request.scope["path"].removeprefix(self.root) + (
            f"?{request.url.query}" if request.url.query else ""
        )
        self.settings = self._office.settings
        self._premises: Premises | None = None
        self._keys: dict[Hashable, UUID] = {}

    @property
    def identity(self) -> Identity:
        """Identity's API in the person's name."""
        return self._office.identity(self.session)

    @property
    def payments(self) -> Payments:
        """Payments' API in the person's name."""
        return self._office.payments(self.session)

    @property
    def concentrator(self) -> Concentrator:
        """Payments' API of the acquirer links in the person's name."""
        return Concentrator(self._office.client(self.session))

    @property
    def transactions(self) -> Transactions:
        """Payments' transaction report in the person's name."""
        return Transactions(self._office.client(self.session))

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return self._office.clock()

    async def premises(self) -> Premises:
        """The person's stores and tills, read once for each page."""
        if self._premises is None:
            try:
                stores = await self.identity.stores()
                tills = await self.identity.tills()
                self._premises = Premises({each.id: each for each in stores}, {each.id: each for each in tills})
            except Refused:
                self._premises = Premises()
        return self._premises

    def chosen_store(self, premises: Premises) -> Store | None:
        """The store that the address names, else the first one; None for who sees no store."""
        stores = premises.stores
        wanted = next((store for store in stores.values() if str(store.id) == self.query.get("store")), None)
        return wanted or next(iter(stores.values()), None)

    async def tried(self, request: Awaitable[Result]) -> Result | None:
        """What a button's request led to; None when it failed, which the person has then been told."""
        try:
            return await request
        except SignedOff:
            self.leave()
        except ApiFailure as failure:
            ui.notify(failure.sentence, type="negative", multi_line=True, close_button="Close", timeout=0)
        return None

    async def wished(self, what: Hashable, request: Callable[[UUID], Awaitable[Result]]) -> Result | None:
        """Like `tried`, for what may happen only once.

        `request` gets an Idempotency-Key that is the same until `what` was answered: who tries again because no answer
        came asks for the same thing, and who does it again after an answer asks for another.
        """
        key = self._keys.setdefault(what, uuid4())

        async def answered() -> Result:
            try:
                result = await request(key)
            except Refused:
                self._keys.pop(what, None)
                raise
            self._keys.pop(what, None)
            return result

        return await self.tried(answered())

    async def done(self, request: Awaitable[object]) -> bool:
        """Whether a button's request was carried out; otherwise the person has been told why not."""

        async def carried_out() -> bool:
            await request
            return True

        return await self.tried(carried_out()) is True

    def leave(self) -> None:
        """Go to the sign-on, and from there back here."""
        self._office.sessions.end(self.session.key)
        ui.navigate.to(sign_on_path("", self.here))


def _short(identifier: UUID) -> str:
    return f"…{str(identifier)[-6:]}"
