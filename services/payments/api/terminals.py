"""Terminals: which there are, which a till uses, what they are asked, and when one may go."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from libs.contracts.permissions import Permission
from libs.contracts.refusal import NotFound
from libs.contracts.values import LARGEST_MINOR, CurrencyCode
from libs.web.authentication import Caller, RequestBody, require
from libs.web.idempotency import Once
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.payments.api.dependencies import PlainText, Settings, TerminalName
from services.payments.api.intent_schemas import OperationView
from services.payments.domain.cash_back import CashBackLimit
from services.payments.domain.terminal import Terminal, TerminalKind
from services.payments.storage.cash_back_limits import CashBackLimitRepository
from services.payments.storage.operations import OperationRepository
from services.payments.storage.terminals import TerminalRepository, Undone
from services.payments.use_cases.ask_terminal import Question, ask_terminal
from services.payments.use_cases.configure_terminals import (
    add_standalone_terminal,
    release_terminal,
    set_default_terminal,
)
from services.payments.use_cases.record_answer import UnknownOperation

router = APIRouter(tags=["terminals"])
_reads = require(Permission.PAYMENTS_READ)
_configures = require(Permission.PAYMENTS_CONFIGURE)
_NOTHING = Undone(0, 0)

SchemeName = Annotated[str, Field(pattern=r"^(\*|[a-z][a-z0-9 _-]{0,39})$", examples=["*", "visa"])]


class TerminalView(BaseModel):
    """A terminal. One that stands alone has no gateway. With both counts at zero it may be taken away."""

    terminal_id: UUID
    store_id: UUID
    name: str
    kind: TerminalKind
    standalone: bool
    gateway_id: UUID | None
    till_ids: list[UUID]
    active: bool
    state: str
    driver: str | None
    unsettled_count: int
    undecided_count: int

    @classmethod
    def of(cls, terminal: Terminal, undone: Undone = _NOTHING) -> TerminalView:
        """The terminal as the API tells it."""
        return cls(
            terminal_id=terminal.terminal_id,
            store_id=terminal.store_id,
            name=terminal.name,
            kind=terminal.kind,
            standalone=terminal.standalone,
            gateway_id=terminal.gateway_id,
            till_ids=list(terminal.till_ids),
            active=terminal.active,
            state=terminal.state,
            driver=terminal.driver,
            unsettled_count=undone.unsettled_count,
            undecided_count=undone.undecided_count,
        )


class StandaloneTerminalBody(RequestBody):
    """A terminal that no wire leads to."""

    store_id: UUID
    name: TerminalName


class DefaultTerminalBody(RequestBody):
    """The terminal that a till uses unless another is named."""

    terminal_id: UUID


class ReleaseBody(RequestBody):
    """Why the terminal goes, if anybody wants to say."""

    note: PlainText | None = None


class QuestionBody(RequestBody):
    """What a terminal is asked: a card's balance, its last slip again, or how it is."""

    action: Question
    currency: CurrencyCode
    till_id: UUID | None = Field(default=None, description="Absent, the till that the caller is signed on at.")
    terminal: TerminalName | None = Field(default=None, description="Absent, the till's own.")


class CashBackLimitBody(RequestBody):
    """The most cash-back with one purchase, in minor units; 0 gives none."""

    limit_minor: Annotated[int, Field(strict=True, ge=0, le=LARGEST_MINOR)]


class CashBackLimitView(BaseModel):
    """A limit of cash-back; scheme `*` is any."""

    currency: CurrencyCode
    scheme: str
    limit_minor: int

    @classmethod
    def of(cls, limit: CashBackLimit) -> CashBackLimitView:
        """The limit as the API tells it."""
        return cls(currency=limit.currency, scheme=limit.scheme, limit_minor=limit.limit_minor)


class CashBackLimitsView(BaseModel):
    """Every limit that was set for a currency."""

    items: list[CashBackLimitView]


class UnknownLimit(NotFound):
    """No such limit was set."""

    type = "unknown-cash-back-limit"


@router.get("/terminals", dependencies=[_reads], summary="List the terminals of a store by name")
async def list_terminals(
    caller: Caller, reading: Reading, paging: Paging, store_id: Annotated[UUID, Query()]
) -> Page[TerminalView]:
    """With what each has still to settle and to decide before it may be taken away."""
    caller.demand_store(store_id)
    after = paging.after_keys(str, UUID)
    repository = TerminalRepository(reading)
    rows = await repository.page(store_id, None if after is None else (after[0], after[1]), paging.limit + 1)
    undone = await repository.undone([row.terminal_id for row in rows])
    return paging.page(
        rows,
        lambda row: (row.name, str(row.terminal_id)),
        lambda row: TerminalView.of(row, undone.get(row.terminal_id, _NOTHING)),
    )


@router.post(
    "/standalone-terminals",
    status_code=201,
    response_model=TerminalView,
    dependencies=[_configures],
    summary="Add a terminal that stands alone",
)
async def post_standalone_terminal(body: StandaloneTerminalBody, caller: Caller, work: Work, once: Once) -> Response:
    """Payments at it wait until the cashier has typed the approval code and the last four digits."""

    async def add() -> TerminalView:
        return TerminalView.of(await add_standalone_terminal(work, caller, body.store_id, body.name))

    return await once.answer(add)


@router.put(
    "/tills/{till_id}/default-terminal", dependencies=[_configures], summary="Set the terminal that a till uses"
)
async def put_default_terminal(till_id: UUID, body: DefaultTerminalBody, caller: Caller, work: Work) -> TerminalView:
    """Without a default a till uses the terminal that its gateway gives it."""
    return TerminalView.of(await set_default_terminal(work, caller, till_id, body.terminal_id))


@router.post(
    "/terminals/{terminal_id}/release",
    response_model=TerminalView,
    dependencies=[require(Permission.PAYMENTS_SETTLE)],
    summary="Let a terminal be taken away or replaced",
)
async def post_release(terminal_id: UUID, body: ReleaseBody, caller: Caller, work: Work, once: Once) -> Response:
    """Refused while it has payments that are not settled or not decided: run its end of day first."""

    async def release() -> TerminalView:
        return TerminalView.of(await release_terminal(work, caller, terminal_id, body.note))

    return await once.answer(release, status=200)


@router.post(
    "/terminal-operations",
    status_code=202,
    response_model=OperationView,
    dependencies=[require(Permission.PAYMENTS_RESOLVE)],
    summary="Ask a terminal for a balance, its last slip or a diagnosis",
)
async def post_terminal_operation(
    body: QuestionBody, caller: Caller, work: Work, once: Once, settings: Settings
) -> Response:
    """Follow it by `GET /terminal-operations/{operation_id}`: its answer has what the terminal said."""

    async def ask() -> OperationView:
        operation_id = await ask_terminal(
            work, caller, body.action, body.currency, body.till_id, body.terminal, settings.limits
        )
        operation = await OperationRepository(work.connection).get(operation_id)
        assert operation is not None, "it was stored a moment ago"
        return OperationView.of(operation)

    return await once.answer(ask, status=202)


@router.get("/terminal-operations/{operation_id}", dependencies=[_reads], summary="What a terminal was asked and said")
async def show_terminal_operation(operation_id: UUID, caller: Caller, reading: Reading) -> OperationView:
    """Any operation, also one of a payment."""
    operation = await OperationRepository(reading).get(operation_id)
    if operation is None:
        raise UnknownOperation(f"No operation {operation_id} is known.", field="operation_id")
    caller.demand_store(operation.store_id)
    return OperationView.of(operation)


@router.get("/cash-back-limits", dependencies=[_reads], summary="The limits of cash-back that were set")
async def get_cash_back_limits(reading: Reading, currency: Annotated[CurrencyCode, Query()]) -> CashBackLimitsView:
    """Where none is set for any scheme, 1,000 PLN hold in PLN, and no cash-back is given elsewhere."""
    limits = await CashBackLimitRepository(reading).all(currency)
    return CashBackLimitsView(items=[CashBackLimitView.of(limit) for limit in limits])


@router.put(
    "/cash-back-limits/{currency}/{scheme}", dependencies=[_configures], summary="Limit the cash-back with one purchase"
)
async def put_cash_back_limit(
    currency: CurrencyCode, scheme: SchemeName, body: CashBackLimitBody, caller: Caller, work: Work
) -> CashBackLimitView:
    """For cards of one scheme, in lower case, or of any (`*`)."""
    limit = CashBackLimit(currency, scheme, body.limit_minor)
    await CashBackLimitRepository(work.connection).put(limit, work.now, caller.id)
    return CashBackLimitView.of(limit)


@router.delete(
    "/cash-back-limits/{currency}/{scheme}",
    status_code=204,
    dependencies=[_configures],
    summary="Take a limit of cash-back away",
)
async def delete_cash_back_limit(currency: CurrencyCode, scheme: SchemeName, work: Work) -> None:
    """404 `unknown-cash-back-limit` when it was not set."""
    if not await CashBackLimitRepository(work.connection).remove(currency, scheme):
        raise UnknownLimit(f"No limit of cash-back is set in {currency} for {scheme}.", field="scheme")
