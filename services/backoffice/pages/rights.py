"""Rights: who may do what in payments, by the roles they have; and giving a person other roles."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from libs.contracts.permissions import Permission
from services.backoffice.domain.figures import NOTHING
from services.backoffice.domain.wording import Tone, Worded
from services.backoffice.gateways.identity import Role, Staff
from services.backoffice.pages.desk import Desk, Premises
from services.backoffice.pages.frame import page
from services.backoffice.pages.parts import Cell, Column, Words, badge, box, button, heading, pager, stacked, table

PATH = "/rights"
_RIGHTS = {
    Permission.PAYMENTS_READ: "See",
    Permission.PAYMENTS_CHARGE: "Charge",
    Permission.PAYMENTS_RESOLVE: "Resolve",
    Permission.PAYMENTS_CONFIRM: "Confirm",
    Permission.PAYMENTS_REFUND: "Refund",
    Permission.PAYMENTS_SETTLE: "Settle",
    Permission.PAYMENTS_CONFIGURE: "Configure",
}
_MEANING = (
    "See: look at payments and reports. Charge: take cards at a till. Resolve: ask terminals, reverse. Confirm: vouch "
    "for a slip. Refund: without a sale. Settle: end days, follow differences. Configure: terminals and acquirer links."
)
_ROLES = (Column("Role"), Column("In payments"))


@page(PATH, "Users and rights", Permission.IDENTITY_READ)
async def rights(desk: Desk) -> None:
    """The people of one's stores. Roles are named sets of rights; a change counts from the next sign-on."""
    premises = await desk.premises()
    cursor = desk.query.get("cursor")
    people, next_cursor = await desk.identity.staff(cursor, desk.settings.table_rows)
    roles = await desk.identity.roles()
    may = desk.session.may(Permission.IDENTITY_MANAGE_STAFF.value)
    names = {role.code: role.name for role in roles}
    Words("p", _MEANING, "lead")
    columns = [Column("Person"), Column("Works at"), Column("Roles"), Column("In payments"), Column("")]
    table(columns, [_person(desk, each, premises, names, may) for each in people], empty="There is nobody.")
    pager(f"{PATH}?", next_cursor, cursor)
    heading("Roles")
    table(_ROLES, [_role(role) for role in roles], empty="There is no role.")


def _person(desk: Desk, member: Staff, premises: Premises, roles: dict[str, str], may: bool) -> list[Cell]:
    def act() -> None:
        if may:
            button("Change roles…", partial(_change, desk, member, roles))

    places = "All stores" if member.all_stores else ", ".join(map(premises.store_name, member.store_ids))
    return [
        stacked(member.name, member.code if member.active else f"{member.code}, disabled"),
        places or NOTHING,
        ", ".join(roles.get(code, code) for code in member.roles) or NOTHING,
        partial(_chips, member.permissions),
        act,
    ]


def _role(role: Role) -> list[Cell]:
    return [stacked(role.name, role.code), partial(_chips, role.permissions)]


def _chips(permissions: frozenset[str]) -> None:
    held = [words for right, words in _RIGHTS.items() if right.value in permissions]
    if not held:
        Words("span", "nothing", "dim")
    with box("div", "rights"):
        for words in held:
            badge(Worded(words, Tone.QUIET))


async def _change(desk: Desk, member: Staff, roles: dict[str, str]) -> None:
    with ui.dialog().props("persistent") as dialog, ui.card().classes("question"):
        Words("h2", f"Roles of {member.name}")
        Words("p", "What they may do is what their roles hold together. It counts from their next sign-on.", "lead")
        boxes = {code: ui.checkbox(name, value=code in member.roles) for code, name in roles.items()}
        with box("div", "actions"):
            ui.button("Cancel", on_click=lambda: dialog.submit(None)).props("flat no-caps")
            ui.button(
                "Give these roles", on_click=lambda: dialog.submit({code for code, each in boxes.items() if each.value})
            ).props("unelevated no-caps")
    wanted: set[str] | None = await dialog
    dialog.delete()
    if wanted is None or wanted == set(member.roles):
        return
    # With the version that was shown: what somebody else changed since is refused and not overwritten.
    changed = await desk.tried(desk.identity.give_roles(member, frozenset(wanted)))
    if changed is not None:
        ui.navigate.to(desk.here)
