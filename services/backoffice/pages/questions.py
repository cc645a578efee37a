"""Dialogs: something is done only after a person has read what it means, and given what it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nicegui import ui

from services.backoffice.pages.parts import Words, box

LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Question:
    """A field of a dialog. `check` answers what is wrong with a value, or None. `choices` are picked from a list."""

    name: str
    label: str
    check: Callable[[str], str | None] = lambda value: None if value.strip() else "Please fill this in"
    hint: str = ""
    longest: int = LONGEST_TEXT
    choices: dict[str, str] | None = None
    value: str = ""


async def ask(
    title: str, explanation: str, questions: Sequence[Question], do: str, *, danger: bool = False
) -> dict[str, str] | None:
    """The answers by name once they are all right and the person said yes; None when they changed their mind.

    Each call makes a dialog of its own and takes it away again.
    """
    with ui.dialog().props("persistent") as dialog, ui.card().classes("question"):
        Words("h2", title)
        Words("p", explanation, "lead")
        fields = {question.name: _field(question) for question in questions}

        def submit() -> None:
            checked = [each.validate() for each in fields.values()]
            if all(checked):
                dialog.submit({name: str(each.value or "").strip() for name, each in fields.items()})

        with box("div", "actions"):
            ui.button("Cancel", on_click=lambda: dialog.submit(None)).props("flat no-caps")
            ui.button(do, on_click=submit, color="negative" if danger else "primary").props("unelevated no-caps")
    answers: dict[str, str] | None = await dialog
    dialog.delete()
    return answers


def _field(question: Question) -> ui.input | ui.select:
    made: ui.input | ui.select
    if question.choices is not None:
        made = ui.select(question.choices, label=question.label, value=question.value or None)
    else:
        made = ui.input(question.label, value=question.value).props(f"maxlength={question.longest}")
    made.props("outlined").classes("field")
    if question.hint:
        made.props(f'hint="{question.hint}"')
    made.validation = lambda value: question.check(str(value or ""))
    return made
