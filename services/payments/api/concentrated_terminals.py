"""Concentrated terminals and the numbers under which acquirers know them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from libs.contracts.permissions import Permission
from libs.persistence import Connection
from libs.web.authentication import Caller, RequestBody, require
from libs.web.idempotency import Once
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work, resource
from services.payments.api.dependencies import TerminalName
from services.payments.api.terminals import TerminalView
from services.payments.domain.terminal import Terminal
from services.payments.gateways.acquirer.concentrator import Concentrator
from services.payments.storage.acquirer_terminals import AcquirerTerminal
from services.payments.storage.concentrated_terminals import ConcentratedTerminalRepository
from services.payments.storage.terminals import TerminalRepository, Undone
from services.payments.use_cases.configure_concentrated import Numbers, add_concentrated_terminal, change_numbers
from services.payments.use_cases.start_settlement import known_terminal

router = APIRouter(tags=["terminals"])
_reads = require(Permission.PAYMENTS_READ)
_configures = require(Permission.PAYMENTS_CONFIGURE)

Acquirers = Annotated[Concentrator, resource(Concentrator)]
AcquirerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$"), Field(examples=["first-bank"])]


class NumbersBody(RequestBody):
    """A terminal at one acquirer: fields 41, 42 and 18 of ISO 8583."""

    acquirer: AcquirerName
    terminal_number: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$"), Field(examples=["TERM0001"])]
    merchant_number: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,15}$"), Field(examples=["SHOP00001"])]
    category: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$"), Field(examples=["5411"])]

    def numbers(self) -> Numbers:
        """The numbers, for the use case."""
        return Numbers(self.acquirer, self.terminal_number, self.merchant_number, self.category)


NumbersList = Annotated[list[NumbersBody], Field(min_length=1, max_length=20)]


class ConcentratedTerminalBody(RequestBody):
    """A terminal whose cards payments itself brings to their acquirers."""

    store_id: UUID
    name: TerminalName
    numbers: NumbersList


class ChangedNumbersBody(RequestBody):
    """All numbers that the terminal has from now on."""

    numbers: NumbersList


class NumbersView(BaseModel):
    """A terminal at one acquirer."""

    acquirer: str
    terminal_number: str
    merchant_number: str
    category: str

    @classmethod
    def of(cls, numbers: AcquirerTerminal) -> NumbersView:
        """The numbers as the API tells them."""
        return cls.model_validate(numbers, from_attributes=True)


class ConcentratedTerminalView(TerminalView):
    """A concentrated terminal with its numbers, by acquirer."""

    numbers: list[NumbersView]


@router.post(
    "/concentrated-terminals",
    status_code=201,
    response_model=ConcentratedTerminalView,
    dependencies=[_configures],
    summary="Add a concentrated terminal",
)
async def post_concentrated_terminal(
    body: ConcentratedTerminalBody, caller: Caller, work: Work, once: Once, acquirers: Acquirers
) -> Response:
    """Cards for it are keyed or read at the till. It may take over the numbers of one that is out of use."""

    async def add() -> ConcentratedTerminalView:
        terminal = await add_concentrated_terminal(
            work,
            caller,
            body.store_id,
            body.name,
            [each.numbers() for each in body.numbers],
            acquirers.acquirers.keys(),
        )
        [view] = await _views(work.connection, [terminal])
        return view

    return await once.answer(add)


@router.get(
    "/concentrated-terminals", dependencies=[_reads], summary="List the concentrated terminals of a store by name"
)
async def list_concentrated_terminals(
    caller: Caller, reading: Reading, paging: Paging, store_id: Annotated[UUID, Query()]
) -> Page[ConcentratedTerminalView]:
    """With their numbers, and with what each has still to settle and to decide before it may be taken away."""
    caller.demand_store(store_id)
    after = paging.after_keys(str, UUID)
    rows = await ConcentratedTerminalRepository(reading).page(
        store_id, None if after is None else (after[0], after[1]), paging.limit + 1
    )
    views = await _views(reading, rows)
    return paging.page(views, lambda view: (view.name, str(view.terminal_id)), lambda view: view)


@router.get("/terminals/{terminal_id}/numbers", dependencies=[_reads], summary="A concentrated terminal's numbers")
async def show_numbers(terminal_id: UUID, caller: Caller, reading: Reading) -> ConcentratedTerminalView:
    """Of another terminal the list is empty."""
    [view] = await _views(reading, [await known_terminal(reading, caller, terminal_id, lock=False)])
    return view


@router.put("/terminals/{terminal_id}/numbers", dependencies=[_configures], summary="Change a terminal's numbers")
async def put_numbers(
    terminal_id: UUID, body: ChangedNumbersBody, caller: Caller, work: Work, acquirers: Acquirers
) -> ConcentratedTerminalView:
    """Refused while payments at it are undecided, and at an acquirer whose day is not settled yet."""
    terminal = await change_numbers(
        work, caller, terminal_id, [each.numbers() for each in body.numbers], acquirers.acquirers.keys()
    )
    [view] = await _views(work.connection, [terminal])
    return view


async def _views(connection: Connection, terminals: Sequence[Terminal]) -> list[ConcentratedTerminalView]:
    """Terminals with their numbers, in two queries however many there are."""
    ids = [each.terminal_id for each in terminals]
    undone = await TerminalRepository(connection).undone(ids)
    numbers = await ConcentratedTerminalRepository(connection).numbers(ids)
    return [
        ConcentratedTerminalView(
            **TerminalView.of(each, undone.get(each.terminal_id, Undone(0, 0))).model_dump(),
            numbers=[NumbersView.of(one) for one in numbers if one.terminal_id == each.terminal_id],
        )
        for each in terminals
    ]
