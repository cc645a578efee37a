"""What a caller may do to others: nobody gives, or takes over, more than they have."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from libs.contracts.refusal import Forbidden
from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.identity.domain.refusals import unknown, wrong_field
from services.identity.domain.roles import Rights
from services.identity.domain.staff import StaffMember
from services.identity.storage.repositories.staff import StaffRepository
from services.identity.storage.repositories.stores import StoreRepository


def rights_of(caller: Principal) -> Rights:
    """The caller's own rights; an API key has no limits of its own, so it gives none."""
    return Rights(caller.permissions, caller.limits)


def stores_within(caller: Principal) -> Collection[UUID] | None:
    """The stores that the caller may know of; None for all."""
    if caller.all_stores:
        return None
    return caller.store_ids | ({caller.store_id} if caller.store_id else frozenset())


async def staff_within_reach(work: UnitOfWork, caller: Principal, staff_id: UUID, doing: str) -> StaffMember:
    """The member of staff whom the caller wants to change.

    Raises NotFound, or Forbidden for somebody who works where the caller does not, or AboveOwnRights for somebody
    who may do more than the caller: setting a PIN is taking over all that its owner may do.
    """
    member = await StaffRepository(work.connection).find(staff_id)
    if member is None:
        raise unknown("member of staff", staff_id)
    demand_places(caller, all_stores=member.all_stores, store_ids=member.store_ids)
    rights_of(caller).demand_covers(member.rights, field="staff_id", doing=doing)
    return member


def demand_places(caller: Principal, *, all_stores: bool, store_ids: Collection[UUID]) -> None:
    """Raise Forbidden unless the caller works at all these stores."""
    if all_stores and not caller.all_stores:
        raise Forbidden(f"{caller.name} does not work for all stores, so this is for somebody who does.")
    for store_id in store_ids:
        caller.demand_store(store_id)


def demand_colleague(caller: Principal, member: StaffMember) -> None:
    """Raise Forbidden unless both work at one store."""
    within = stores_within(caller)
    if within is not None and not any(member.works_for(store_id) for store_id in within):
        raise Forbidden(f"{caller.name} reads only of those who work at the same stores.")


async def demand_stores_exist(work: UnitOfWork, store_ids: Collection[UUID]) -> None:
    """Raise Invalid naming the first of `store_ids` that is no store."""
    missing = set(store_ids) - await StoreRepository(work.connection).existing(store_ids)
    if missing:
        raise wrong_field("store_ids", f"there is no store {min(missing)}")
