"""Text as bytes of a printer's code pages, switching as seldom as possible; every character is checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from device_gateway.layout import display_width

_ASCII = range(0x20, 0x7F)


class CodePages:
    """The code pages of a printer, and the one that it is set to while a document is encoded.

    Pages are preferred by their numbers: the low ones are the same on nearly every printer.
    """

    def __init__(self, pages: Mapping[int, Mapping[str, int]]) -> None:
        self._pages = pages
        self._current: int | None = None

    def reset(self) -> None:
        """The printer has been initialised: which page it is set to is a matter of its switches, and not relied on."""
        self._current = None

    def can_show(self, text: str) -> bool:
        """Whether the printer has every character of the text, each one column wide."""
        return text.isascii() or (display_width(text) == len(text) and not self.missing(text))

    def missing(self, text: str) -> set[str]:
        """The characters that no code page has."""
        return {c for c in text if ord(c) not in _ASCII and not any(c in page for page in self._pages.values())}

    def encoded(self, text: str) -> bytes:
        """The bytes of a text of which nothing is missing, with ESC t where another page is needed."""
        return b"".join(self._runs(text))

    def _runs(self, text: str) -> Iterator[bytes]:
        at = 0
        while at < len(text):
            if self._run(self._current, text, at) == 0:
                self._current = max(self._pages, key=lambda number: self._run(number, text, at))
                yield bytes((0x1B, 0x74, self._current))
            page = self._pages[self._current] if self._current is not None else {}
            end = at + self._run(self._current, text, at)
            yield bytes(page.get(character, ord(character) & 0xFF) for character in text[at:end])
            at = end

    def _run(self, number: int | None, text: str, at: int) -> int:
        """How many characters from `at` a page has; of equals the first is taken, which has the lowest number."""
        page = self._pages[number] if number is not None else {}
        end = at
        while end < len(text) and (ord(text[end]) in _ASCII or text[end] in page):
            end += 1
        return end - at
