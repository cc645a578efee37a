"""Version 1 of a message only grows: what is a break, and what is not."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel

from libs.contracts.compatibility import breaking_changes
from libs.contracts.documents import message_schema
from libs.contracts.message import Event, MessageDefinition
from libs.contracts.sampling import covers, sample_of, sample_problems


class Line(BaseModel):
    name: str
    amount_minor: int


class Before(Event):
    sale_id: str
    count: int
    kind: Literal["sale", "return"]
    note: str | None = None
    lines: tuple[Line, ...]


class Grown(Before):
    extra: int | None = None
    more: str = "default"


def definition_of(model: type[Event]) -> MessageDefinition:
    return MessageDefinition("test", "event", model, "tillstream.test.tested.v1", "sale_id", None)


def schema(model: type[Event]) -> dict[str, Any]:
    return message_schema(definition_of(model))


def test_a_new_optional_field_is_no_break() -> None:
    assert breaking_changes(schema(Before), schema(Grown)) == []


def test_the_same_schema_is_no_break() -> None:
    assert breaking_changes(schema(Before), schema(Before)) == []


class Without(Event):
    sale_id: str
    kind: Literal["sale", "return"]
    note: str | None = None
    lines: tuple[Line, ...]


class Retyped(Event):
    sale_id: str
    count: str
    kind: Literal["sale", "return"]
    note: str | None = None
    lines: tuple[Line, ...]


class NewlyRequired(Before):
    extra: int


class Narrowed(Event):
    sale_id: str
    count: int
    kind: Literal["sale"]
    note: str
    lines: tuple[Line, ...]


class OtherLine(BaseModel):
    title: str
    amount_minor: int


class OtherLines(Event):
    sale_id: str
    count: int
    kind: Literal["sale", "return"]
    note: str | None = None
    lines: tuple[OtherLine, ...]


@pytest.mark.parametrize(
    ("changed", "sentences"),
    [
        (Without, ["count is gone"]),
        (Retyped, ["count was integer and is now string"]),
        (NewlyRequired, ["extra is now required, and older messages lack it"]),
        (
            Narrowed,
            [
                "kind no longer allows 'return'",
                "note was null and is now string",
                "note is now required, and older messages lack it",
            ],
        ),
        (OtherLines, ["lines[].name is gone", "lines[].title is now required, and older messages lack it"]),
    ],
)
def test_a_break_is_named_with_its_path(changed: type[Event], sentences: list[str]) -> None:
    assert breaking_changes(schema(Before), schema(changed)) == sentences


SAMPLE = b'{"sale_id": "s", "count": 2, "kind": "return", "note": null, "lines": [{"name": "a", "amount_minor": 3}]}'
PARSED = {
    "sale_id": "s",
    "count": 2,
    "kind": "return",
    "note": None,
    "lines": [{"name": "a", "amount_minor": 3}],
}


@pytest.mark.parametrize("model", [Before, Grown])
def test_an_old_sample_is_read_in_full_by_what_has_grown(model: type[Event]) -> None:
    assert sample_problems(definition_of(model), SAMPLE, PARSED) == []


def test_an_old_sample_shows_a_field_that_today_is_ignored() -> None:
    assert sample_problems(definition_of(Without), SAMPLE, PARSED) == ["count is ignored"]


def test_an_old_sample_that_today_is_refused_says_so() -> None:
    (problem,) = sample_problems(definition_of(NewlyRequired), SAMPLE, PARSED)
    assert problem.startswith("it is refused: 1 validation error for NewlyRequired")


def test_a_made_sample_fills_every_field_and_can_be_read() -> None:
    sample = sample_of(schema(Grown))
    assert sample == {
        "sale_id": "sale id",
        "count": 1,
        "kind": "sale",
        "note": "note",
        "lines": [{"name": "name", "amount_minor": 1}],
        "extra": 1,
        "more": "more",
    }
    Grown.model_validate(sample)


def test_a_sample_of_before_does_not_cover_what_has_grown() -> None:
    old = sample_of(schema(Before))
    new = sample_of(schema(Grown))
    assert not covers(old, new)
    assert covers(new, old)
