"""Filters as plain HTML forms: the address of the page says what is shown, so that it can be kept and sent on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nicegui import ui

from services.backoffice.pages.desk import Desk
from services.backoffice.pages.parts import Words, box


def choice(name: str, label: str, options: Iterable[tuple[str, str]], chosen: str | None) -> None:
    """A list to pick one of; the first option may be empty, for all."""
    with _labelled(name, label), ui.element("select").props(f'name="{name}" id="{name}"'):
        for value, text in options:
            option = Words("option", text).props(f'value="{value}"')
            if value == (chosen or ""):
                option.props("selected")


def day(name: str, label: str, value: str) -> None:
    """A date."""
    with _labelled(name, label):
        ui.element("input").props(f'type="date" name="{name}" id="{name}" value="{value}" required')


def line(name: str, label: str, value: str, placeholder: str = "") -> None:
    """A short text."""
    with _labelled(name, label):
        made = ui.element("input").props(f'type="text" name="{name}" id="{name}" maxlength="40"')
        # Not by a text of props: what somebody typed may hold quotes.
        made.props["value"] = value
        made.props["placeholder"] = placeholder


def form(desk: Desk, path: str) -> ui.element:
    """The form itself, a block that holds the fields."""
    return box("form", "filter no-print").props(f'method="get" action="{desk.root}{path}"')


def submit(text: str) -> None:
    """The button that shows what is asked for."""
    Words("button", text, "submit").props('type="submit"')


def store_choice(stores: Mapping[str, str], chosen: str) -> None:
    """Which of the person's stores."""
    choice("store", "Store", stores.items(), chosen)


def _labelled(name: str, label: str) -> ui.element:
    frame = box("div", "filter-field")
    with frame:
        Words("label", label).props(f'for="{name}"')
    return frame
