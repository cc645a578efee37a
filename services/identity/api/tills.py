"""Tills, and the codes that enrol them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from libs.contracts.permissions import Permission
from libs.persistence import new_id
from libs.web.authentication import Caller, RequestBody
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.identity.api.callers import Reader, StoreManager, present_caller
from services.identity.api.parts import TheSettings
from services.identity.api.schemas import Change, Code, IfMatch, Line, expected_version, tag
from services.identity.domain.refusals import unknown
from services.identity.domain.stores import Till
from services.identity.storage.repositories.tills import TillRepository
from services.identity.use_cases.add_till import add_till
from services.identity.use_cases.change_till import change_till
from services.identity.use_cases.issue_enrolment_code import issue_enrolment_code
from services.identity.use_cases.rights import stores_within

router = APIRouter(prefix="/tills", tags=["tills"])


class NewTill(RequestBody):
    """A till as it begins: without a device."""

    store_id: UUID
    code: Code
    name: Line


class TillChange(Change):
    """What may change of a till. A till that is not active cannot be signed on at."""

    name: Line = ""
    active: bool = True


class TillView(BaseModel):
    """A till as it is now; `enrolled_at` is when its present device took its code."""

    id: UUID
    store_id: UUID
    code: str
    name: str
    active: bool
    enrolled: bool
    enrolled_at: datetime | None
    version: int

    @classmethod
    def of(cls, till: Till) -> TillView:
        """A till as it is shown."""
        return cls.model_validate(till, from_attributes=True)


class EnrolmentCodeView(BaseModel):
    """A code to type at the device, shown this once."""

    till_id: UUID
    code: str
    expires_at: datetime


@router.post("", status_code=201, summary="Add a till to a store")
async def add(
    body: NewTill,
    response: Response,
    work: Work,
    caller: StoreManager,
) -> TillView:
    new = Till(new_id(), body.store_id, body.code, body.name, active=True, enrolled_at=None, version=1)
    till = await add_till(work, caller, new)
    tag(response, till.version)
    return TillView.of(till)


@router.get("", summary="The tills of the caller's stores, by store and code")
async def read_all(
    paging: Paging,
    connection: Reading,
    caller: Reader,
    store_id: Annotated[UUID | None, Query(description="Only those of this store.")] = None,
) -> Page[TillView]:
    tills = await TillRepository(connection).page(
        within=stores_within(caller),
        store_id=store_id,
        after=paging.after_keys(UUID, str, UUID),
        rows=paging.limit + 1,
    )
    return paging.page(tills, lambda till: (till.store_id, till.code.lower(), till.id), TillView.of)


@router.get("/{till_id}", summary="A till")
async def read(till_id: UUID, caller: Caller, connection: Reading, response: Response) -> TillView:
    """Whoever is signed on at the till may read of it; others need the permission."""
    caller = await present_caller(connection, caller)
    if caller.till_id != till_id:
        caller.demand(Permission.IDENTITY_READ.value)
    till = await TillRepository(connection).find(till_id)
    if till is None:
        raise unknown("till", till_id)
    caller.demand_store(till.store_id)
    tag(response, till.version)
    return TillView.of(till)


@router.patch("/{till_id}", summary="Change a till")
async def patch(
    till_id: UUID,
    body: TillChange,
    response: Response,
    work: Work,
    caller: StoreManager,
    if_match: IfMatch = None,
) -> TillView:
    till = await change_till(work, caller, till_id, expected_version(if_match, body.version), body.changes())
    tag(response, till.version)
    return TillView.of(till)


@router.post("/{till_id}/enrolment-codes", status_code=201, summary="Issue a one-time code for a device")
async def issue_code(
    till_id: UUID,
    work: Work,
    caller: StoreManager,
    settings: TheSettings,
) -> EnrolmentCodeView:
    issued = await issue_enrolment_code(work, caller, till_id, timedelta(seconds=settings.enrolment_code_life_s))
    return EnrolmentCodeView(till_id=till_id, code=issued.code, expires_at=issued.expires_at)
