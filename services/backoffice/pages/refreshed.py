"""A part of a page that is drawn anew when what it shows has changed, and only then: clicks are not lost meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from services.backoffice.pages.parts import box

Shown = TypeVar("Shown")


class Refreshed(Generic[Shown]):
    """Draws a value into its own element; `show` with an equal value does nothing."""

    def __init__(self, draw: Callable[[Shown], object], classes: str = "") -> None:
        self._draw = draw
        self._shown: list[Shown] = []
        self._element = box("div", classes)

    def show(self, value: Shown) -> None:
        """Draw `value`, unless it is what is shown already."""
        if self._shown == [value]:
            return
        self._shown = [value]
        self._element.clear()
        with self._element:
            self._draw(value)
