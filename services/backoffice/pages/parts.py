"""The parts that pages are made of. Texts are always texts: nothing here takes HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from services.backoffice.domain.wording import Tone, Worded

Cell = str | Worded | Callable[[], object]
"""A cell of a table: words, a state, or what draws it."""


class Words(TextElement):
    """An HTML element that holds a text."""

    def __init__(self, tag: str, text: str, classes: str = "") -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and whether it holds figures, which stand to the right."""

    heading: str
    kind: Literal["words", "figures"] = "words"


def box(tag: str, classes: str = "") -> ui.element:
    """An HTML element that holds others."""
    return ui.element(tag).classes(classes)


def heading(text: str, note: str = "") -> None:
    """The heading of a part of a page."""
    with box("div", "part-heading"):
        Words("h2", text)
        if note:
            Words("p", note, "dim")


def badge(state: Worded) -> None:
    """A state that catches the eye as much as it should."""
    Words("span", state.text, f"badge tone-{state.tone.value}")


def notice(text: str, tone: Tone = Tone.QUIET) -> None:
    """A sentence that stands out."""
    Words("p", text, f"notice tone-{tone.value}").props(f'role="{"alert" if tone is Tone.ALARM else "status"}"')


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, empty: str, classes: str = "") -> None:
    """A table; on a telephone each row is a card with the headings beside the values. `empty` stands for no rows."""
    drawn = list(rows)
    if not drawn:
        Words("p", empty, "empty")
        return
    with box("div", "table-frame"), box("table", f"rows {classes}"):
        with box("thead"), box("tr"):
            for column in columns:
                Words("th", column.heading, column.kind).props('scope="col"')
        with box("tbody"):
            for row in drawn:
                with box("tr"):
                    for column, cell in zip(columns, row, strict=True):
                        _cell(column, cell)


def _cell(column: Column, cell: Cell) -> None:
    with ui.element("td").classes(column.kind).props(f'data-label="{column.heading}"'):
        if isinstance(cell, str):
            Words("span", cell)
        elif isinstance(cell, Worded):
            badge(cell)
        else:
            cell()


def facts(pairs: Iterable[tuple[str, Cell]]) -> None:
    """Names with values."""
    with box("dl", "facts"):
        for name, value in pairs:
            with box("div"):
                Words("dt", name)
                with box("dd"):
                    if isinstance(value, str):
                        Words("span", value)
                    elif isinstance(value, Worded):
                        badge(value)
                    else:
                        value()


def link(text: str, to: str) -> Callable[[], object]:
    """Draws a link to another page of ours."""
    return lambda: ui.link(text, to)


def stacked(first: str, second: str) -> Callable[[], object]:
    """Draws a value with a smaller one below it."""

    def draw() -> None:
        with box("div", "stacked"):
            Words("span", first)
            Words("span", second, "dim")

    return draw


def button(text: str, act: Callable[[], object], *, main: bool = False, danger: bool = False) -> ui.button:
    """A button in one of three looks."""
    look = "unelevated" if main else "outline"
    made = ui.button(text, on_click=act, color="negative" if danger else "primary")
    made.props(f"{look} no-caps").classes("action")
    return made


def pager(path: str, next_cursor: str | None, present_cursor: str | None) -> None:
    """Links to the first and to the next page of a long list; `path` already holds the filter, with a `?`."""
    if next_cursor is None and present_cursor is None:
        return
    with box("nav", "pager").props('aria-label="Pages"'):
        if present_cursor is not None:
            ui.link("First page", path.rstrip("?&"))
        if next_cursor is not None:
            ui.link("Next page", f"{path}cursor={next_cursor}")
