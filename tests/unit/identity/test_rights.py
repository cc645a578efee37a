"""Manager-controlled by permission and threshold (retail rule 26)."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from libs.contracts.permissions import ADMINISTRATOR, CASHIER, MANAGER, Permission
from libs.web.principal import Limits
from services.identity.domain.api_keys import permissions_of_scopes, scope
from services.identity.domain.refusals import AboveOwnRights
from services.identity.domain.roles import ADMINISTRATOR_ROLE, BUILT_IN_ROLES, Rights, Role, RoleDraft
from services.identity.domain.staff import StaffMember

STORE = UUID("019a0000-0000-7000-8000-000000000001")


def role(draft: RoleDraft) -> Role:
    return Role(uuid4(), draft.code, draft.name, draft.permissions, draft.limits, True, 1)


CASHIER_ROLE, MANAGER_ROLE, ADMINISTRATOR_ROLE_HELD = (role(draft) for draft in BUILT_IN_ROLES)


def member(*roles: Role, **changes: object) -> StaffMember:
    kim = StaffMember(
        id=uuid4(),
        code="kim",
        name="Kim",
        language=None,
        all_stores=False,
        store_ids=frozenset({STORE}),
        roles=roles,
        active=True,
        has_pin=True,
        has_password=True,
        version=4,
    )
    return replace(kim, **changes)  # type: ignore[arg-type]  # the fields of StaffMember


def test_rule_26_built_in_roles_and_their_limits() -> None:
    assert [(draft.code, draft.permissions) for draft in BUILT_IN_ROLES] == [
        ("cashier", CASHIER),
        ("manager", MANAGER),
        ("administrator", ADMINISTRATOR),
    ]
    assert [draft.limits for draft in BUILT_IN_ROLES[:2]] == [
        Limits(100_000, 5_000, 0),
        Limits(500_000, 100_000, 100_000),
    ]


def test_rule_26_rights_are_the_union_of_permissions_and_the_highest_limits() -> None:
    extra = role(RoleDraft("cash", "Cash", frozenset({Permission.SALES_CASH_OUT}), Limits(0, 0, 20_000)))
    rights = Rights.of([CASHIER_ROLE, extra])
    assert rights.permissions == CASHIER | {"sales.cash_out"}
    assert rights.limits == Limits(100_000, 5_000, 20_000)


def test_nobody_has_rights_without_a_role() -> None:
    assert Rights.of([]) == Rights(frozenset(), Limits())


def test_facts_for_the_others() -> None:
    facts = member(CASHIER_ROLE).facts()
    assert facts.permissions == tuple(sorted(CASHIER))
    assert facts.roles == ("cashier",)
    assert facts.store_ids == (STORE,)
    assert facts.all_stores is False
    assert facts.limits.discount_ppm == 100_000
    assert facts.limits.refund_minor == 5_000
    assert facts.limits.cash_out_minor == 0


def test_a_manager_may_give_what_they_have() -> None:
    Rights.of([MANAGER_ROLE]).demand_covers(Rights.of([CASHIER_ROLE]), field="roles", doing="give it")


def test_a_manager_may_not_give_what_they_lack() -> None:
    with pytest.raises(AboveOwnRights, match=r"You may not give it: you do not have catalog.import") as refused:
        Rights.of([MANAGER_ROLE]).demand_covers(Rights.of([ADMINISTRATOR_ROLE_HELD]), field="roles", doing="give it")
    assert refused.value.field == "roles"
    assert "identity.manage_staff" in refused.value.facts["missing"]


def test_a_manager_may_not_give_a_limit_beyond_their_own() -> None:
    wanted = Rights(frozenset(), Limits(discount_ppm=500_001))
    with pytest.raises(AboveOwnRights, match="the limit discount goes beyond your own"):
        Rights.of([MANAGER_ROLE]).demand_covers(wanted, field="limits", doing="give it")


def test_a_service_wide_scope_covers_each_of_its_permissions() -> None:
    Rights(frozenset({"catalog.*"}), Limits()).demand_covers(
        Rights(frozenset({"catalog.read", "catalog.write"}), Limits()), field="scopes", doing="make it"
    )
    with pytest.raises(AboveOwnRights, match=r"sales\.read"):
        Rights(frozenset({"catalog.*"}), Limits()).demand_covers(
            Rights(frozenset({"sales.read"}), Limits()), field="scopes", doing="make it"
        )


@pytest.mark.parametrize(
    ("changes", "administers"),
    [
        ({"all_stores": True}, True),
        ({}, False),
        ({"all_stores": True, "active": False}, False),
        ({"all_stores": True, "has_password": False}, False),
        ({"all_stores": True, "roles": (MANAGER_ROLE,)}, False),
    ],
)
def test_who_can_administer_the_chain(changes: dict[str, object], administers: bool) -> None:
    assert ADMINISTRATOR_ROLE_HELD.code == ADMINISTRATOR_ROLE
    assert member(ADMINISTRATOR_ROLE_HELD, **changes).administers is administers


def test_scopes() -> None:
    assert scope("catalog.read") == "catalog.read"
    assert scope("sales.*") == "sales.*"
    for wrong in ("", "*", "catalog", "catalog.fly", "payroll.*", "catalog.read "):
        with pytest.raises(ValueError, match="not a permission"):
            scope(wrong)


def test_a_service_wide_scope_stands_for_all_its_permissions() -> None:
    assert permissions_of_scopes(["catalog.*", "sales.read"]) == {
        "catalog.read",
        "catalog.write",
        "catalog.import",
        "catalog.read_stock",
        "catalog.adjust_stock",
        "sales.read",
    }
