"""A field set as XML, as the DualConnector service takes and gives it (protocols.md C.4, HTTP [S]). Pure.

The parser takes no document type, so no entity can be declared: neither files nor addresses can be pulled in, and
nothing grows while it is read. What is larger than `LARGEST_BODY_BYTES` is refused unread.
"""

from __future__ import annotations

from xml.parsers import expat
from xml.sax.saxutils import escape

from device_gateway.drivers.terminal.inpas.fields import FieldSet

LARGEST_BODY_BYTES = 262_144
LARGEST_FIELD_NUMBER = 255
_DEEPEST = 8


class WrongBody(ValueError):
    """The body is no field set; the text says what is wrong with it."""


def write_body(fields: FieldSet) -> bytes:
    """A request body, UTF-8."""
    inside = "".join(f'<field id="{number:02d}">{escape(text)}</field>' for number, text in sorted(fields.items()))
    return f'<?xml version="1.0" encoding="UTF-8"?><request>{inside}</request>'.encode()


def read_body(body: bytes) -> dict[int, str]:
    """The fields of a body, whatever its outermost element is called. Raises WrongBody."""
    if len(body) > LARGEST_BODY_BYTES:
        raise WrongBody(f"The answer has {len(body)} bytes; at most {LARGEST_BODY_BYTES} are taken.")
    reader = _FieldReader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, UnicodeError) as error:
        raise WrongBody(f"The answer is no XML ({error}).") from error
    return reader.fields


def _refuse_doctype(*_: object) -> None:
    raise WrongBody("The answer declares a document type, which this protocol has none of.")


class _FieldReader:
    def __init__(self) -> None:
        self.fields: dict[int, str] = {}
        self._depth = 0
        self._number: int | None = None
        self._pieces: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise WrongBody("The answer is nested too deeply.")
        if self._number is not None:
            raise WrongBody(f"Field {self._number} holds an element; only text belongs there.")
        if name == "field":
            self._number = _field_number(attributes.get("id", ""))
            self._pieces = []

    def end(self, name: str) -> None:
        self._depth -= 1
        if name == "field" and self._number is not None:
            if self._number in self.fields:
                raise WrongBody(f"Field {self._number} comes twice.")
            self.fields[self._number] = "".join(self._pieces)
            self._number = None

    def text(self, data: str) -> None:
        if self._number is not None:
            self._pieces.append(data)


def _field_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= LARGEST_FIELD_NUMBER):
        raise WrongBody(f"{text[:12]!r} is no number of a field.")
    return int(text)
