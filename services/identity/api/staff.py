"""Members of staff."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Invalid
from libs.web.authentication import Caller, RequestBody
from libs.web.openapi import problems
from libs.web.paging import Page, Paging
from libs.web.principal import Principal
from libs.web.transactions import Reading, Work, origin_of
from services.identity.api.callers import Reader, StaffManager, present_caller
from services.identity.api.parts import TheDatabase, TheHasher, TheProver
from services.identity.api.schemas import (
    Change,
    Code,
    GivenSecret,
    IfMatch,
    LanguageTag,
    LimitValues,
    Line,
    NewPassword,
    NewPin,
    PermissionNames,
    RoleCode,
    StoreIds,
    Workplaces,
    expected_version,
    tag,
)
from services.identity.domain.audit import Actor, AuditAction
from services.identity.domain.refusals import unknown
from services.identity.domain.staff import Locks, StaffMember
from services.identity.storage.repositories.staff import SecretKind, StaffRepository
from services.identity.storage.repositories.tries import TriesRepository
from services.identity.use_cases.add_staff import StaffDraft, add_staff
from services.identity.use_cases.change_staff import change_staff
from services.identity.use_cases.prove_secret import SecretClaim
from services.identity.use_cases.rights import demand_colleague, staff_within_reach, stores_within
from services.identity.use_cases.set_staff_secret import locks_of, set_staff_secret, unlock_staff

router = APIRouter(prefix="/staff", tags=["staff"])

RoleCodes = Annotated[frozenset[RoleCode], Field(max_length=50, description="Roles by code.")]


class NewStaff(Workplaces):
    """A member of staff as they begin: with a PIN for tills, a password for the back office, or both."""

    code: Code
    name: Line
    language: LanguageTag | None = None
    roles: RoleCodes = frozenset()
    pin: NewPin | None = None
    password: NewPassword | None = None


class StaffChange(Change):
    """What may change of a member of staff. PIN and password have routes of their own."""

    clearable = frozenset({"language"})

    name: Line = ""
    language: LanguageTag | None = None
    all_stores: bool = False
    store_ids: StoreIds = frozenset()
    roles: RoleCodes = frozenset()
    active: bool = True


class PinBody(RequestBody):
    """A new PIN; whoever sets their own also gives the present one."""

    pin: NewPin
    current_pin: GivenSecret | None = None


class PasswordBody(RequestBody):
    """A new password; whoever sets their own also gives the present one."""

    password: NewPassword
    current_password: GivenSecret | None = None


class StaffView(BaseModel):
    """A member of staff, with what the roles add up to. `locked_until` tell of wrong tries, in single answers only."""

    id: UUID
    code: str
    name: str
    language: str | None
    all_stores: bool
    store_ids: StoreIds
    roles: list[str]
    permissions: PermissionNames
    limits: LimitValues
    active: bool
    has_pin: bool
    has_password: bool
    pin_locked_until: datetime | None = None
    password_locked_until: datetime | None = None
    version: int

    @classmethod
    def of(cls, member: StaffMember, locks: Locks | None = None) -> StaffView:
        """A member of staff as they are shown."""
        rights = member.rights
        return cls(
            id=member.id,
            code=member.code,
            name=member.name,
            language=member.language,
            all_stores=member.all_stores,
            store_ids=member.store_ids,
            roles=list(member.role_codes),
            permissions=frozenset(Permission(name) for name in rights.permissions),
            limits=LimitValues.of(rights.limits),
            active=member.active,
            has_pin=member.has_pin,
            has_password=member.has_password,
            pin_locked_until=locks.pin_until if locks else None,
            password_locked_until=locks.password_until if locks else None,
            version=member.version,
        )


class SecretSetter:
    """Sets PINs and passwords: one's own by giving the present one, others' by permission."""

    def __init__(
        self,
        database: TheDatabase,
        hasher: TheHasher,
        prover: TheProver,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._prover = prover

    async def set(
        self, request: Request, caller: Principal, staff_id: UUID, kind: SecretKind, secret: str, current: str | None
    ) -> None:
        """Raises Invalid, WrongSecret, LockedOut, NotFound or Forbidden."""
        origin = origin_of(request)
        async with self._database.reading() as connection:
            caller = await present_caller(connection, caller)
            member = await StaffRepository(connection).find(staff_id)
        own = caller.kind == "staff" and caller.id == staff_id
        if not own:
            caller.demand(Permission.IDENTITY_MANAGE_STAFF.value)
        if member is None:
            raise unknown("member of staff", staff_id)
        _demand_unlike_code(secret, member.code)
        if own and (member.has_pin if kind == "pin" else member.has_password):
            if current is None:
                field = f"current_{kind}"
                raise Invalid(f"{field}: give your present one too, as it is your own that you set", field=field)
            claim = SecretClaim(kind, member.code, Actor.of(caller), AuditAction.SIGN_ON_REFUSED)
            await self._prover.prove(origin, claim, current)
        secret_hash = await self._hasher.hash(secret)
        async with self._database.transaction(origin) as work:
            caller = await present_caller(work.connection, caller)
            if not own:
                member = await staff_within_reach(work, caller, staff_id, f"set the {kind} of this member of staff")
            await set_staff_secret(work, caller, member, kind, secret_hash)


def _demand_unlike_code(secret: str, code: str) -> None:
    if secret.casefold() == code.casefold():
        raise Invalid("pin: must differ from the staff code, which everybody knows", field="pin")


@router.post("", status_code=201, summary="Add a member of staff")
async def add(
    request: Request,
    body: NewStaff,
    response: Response,
    caller: Caller,
    database: TheDatabase,
    hasher: TheHasher,
) -> StaffView:
    if body.pin is not None:
        _demand_unlike_code(body.pin.get_secret_value(), body.code)
    # Hashed before the transaction, so that none waits for it.
    draft = StaffDraft(
        code=body.code,
        name=body.name,
        language=body.language,
        all_stores=body.all_stores,
        store_ids=body.store_ids,
        roles=body.roles,
        pin_hash=await hasher.hash(body.pin.get_secret_value()) if body.pin else None,
        password_hash=await hasher.hash(body.password.get_secret_value()) if body.password else None,
    )
    async with database.transaction(origin_of(request)) as work:
        present = await present_caller(work.connection, caller)
        present.demand(Permission.IDENTITY_MANAGE_STAFF.value)
        member = await add_staff(work, present, draft)
    tag(response, member.version)
    return StaffView.of(member)


@router.get("", summary="The staff of the caller's stores, by code")
async def read_all(
    paging: Paging,
    connection: Reading,
    caller: Reader,
    store_id: Annotated[UUID | None, Query(description="Only those who work at this store.")] = None,
    active: Annotated[bool | None, Query(description="Only those that are, or are not, active.")] = None,
) -> Page[StaffView]:
    staff = await StaffRepository(connection).page(
        within=stores_within(caller),
        store_id=store_id,
        active=active,
        after=paging.after_keys(str, UUID),
        rows=paging.limit + 1,
    )
    return paging.page(staff, lambda member: (member.code.lower(), member.id), StaffView.of)


@router.get("/{staff_id}", summary="A member of staff")
async def read(
    staff_id: UUID,
    connection: Reading,
    response: Response,
    caller: Reader,
) -> StaffView:
    member = await StaffRepository(connection).find(staff_id)
    if member is None:
        raise unknown("member of staff", staff_id)
    demand_colleague(caller, member)
    tag(response, member.version)
    return StaffView.of(member, await locks_of(TriesRepository(connection), member))


@router.patch("/{staff_id}", summary="Change a member of staff")
async def patch(
    staff_id: UUID,
    body: StaffChange,
    response: Response,
    work: Work,
    caller: StaffManager,
    if_match: IfMatch = None,
) -> StaffView:
    member = await change_staff(work, caller, staff_id, expected_version(if_match, body.version), body.changes())
    tag(response, member.version)
    return StaffView.of(member, await locks_of(TriesRepository(work.connection), member))


@router.post("/{staff_id}/unlock", status_code=204, summary="Let somebody who is locked out try again")
async def unlock(staff_id: UUID, work: Work, caller: StaffManager) -> None:
    await unlock_staff(work, caller, await staff_within_reach(work, caller, staff_id, "unlock this member of staff"))


@router.put("/{staff_id}/pin", status_code=204, responses=problems(429), summary="Set somebody's PIN, or one's own")
async def put_pin(
    request: Request,
    staff_id: UUID,
    body: PinBody,
    caller: Caller,
    secrets: Annotated[SecretSetter, Depends(SecretSetter)],
) -> None:
    current = body.current_pin.get_secret_value() if body.current_pin else None
    await secrets.set(request, caller, staff_id, "pin", body.pin.get_secret_value(), current)


@router.put(
    "/{staff_id}/password", status_code=204, responses=problems(429), summary="Set somebody's password, or one's own"
)
async def put_password(
    request: Request,
    staff_id: UUID,
    body: PasswordBody,
    caller: Caller,
    secrets: Annotated[SecretSetter, Depends(SecretSetter)],
) -> None:
    current = body.current_password.get_secret_value() if body.current_password else None
    await secrets.set(request, caller, staff_id, "password", body.password.get_secret_value(), current)
