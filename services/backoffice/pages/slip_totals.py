"""The totals of a terminal that stands alone, typed from its end-of-day slip."""

from __future__ import annotations

from nicegui import ui

from services.backoffice.domain.typed_totals import TypedTotal, WrongTotal, typed_total
from services.backoffice.pages.parts import Words, box

_FIELDS = {
    "scheme": "Scheme",
    "sale_count": "Payments",
    "sale": "Taken",
    "refund_count": "Refunds",
    "refund": "Given back",
}
MOST_LINES = 20


async def ask_totals(terminal: str, code: str) -> list[TypedTotal] | None:
    """The lines of the slip, amounts in minor units of `code`; None when the person changed their mind."""
    lines: list[dict[str, ui.input]] = []
    with ui.dialog().props("persistent") as dialog, ui.card().classes("question wide"):
        Words("h2", f"End the day of {terminal}")
        Words("p", f"It stands alone: type what its end-of-day slip says, amounts in {code}.", "lead")
        frame = box("div", "typed-lines")

        def add_line() -> None:
            if len(lines) < MOST_LINES:
                with frame, box("div", "typed-line"):
                    lines.append({name: ui.input(label).props("outlined dense") for name, label in _FIELDS.items()})

        def submit() -> None:
            try:
                typed = [typed_total({name: each.value or "" for name, each in line.items()}, code) for line in lines]
            except WrongTotal as wrong:
                wrong_words.set_text(str(wrong))
                return
            dialog.submit([total for total in typed if total is not None])

        add_line()
        wrong_words = Words("p", "", "wrong").props('role="alert"')
        with box("div", "actions"):
            ui.button("Another line", on_click=add_line).props("flat no-caps").classes("aside")
            ui.button("Cancel", on_click=lambda: dialog.submit(None)).props("flat no-caps")
            ui.button("End the day", on_click=submit).props("unelevated no-caps")
    typed_lines: list[TypedTotal] | None = await dialog
    dialog.delete()
    return typed_lines
