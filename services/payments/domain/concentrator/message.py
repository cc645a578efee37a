"""An ISO 8583 message as numbered fields, and by what a reply is known to be the answer to a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

# What must never be shown: number, expiry, tracks, PIN, security data and chip data.
WITHHELD_FIELDS = frozenset({2, 14, 34, 35, 36, 45, 52, 53, 55})
_MAC_FIELDS = frozenset({64, 128})


class WrongMessage(ValueError):
    """The message is not ISO 8583, or not in this acquirer's dialect; the text names a field and repeats no value."""


class Fields(Mapping[int, str]):
    """Field number -> text; fields of bytes are upper-case hexadecimal. Shows nothing of the card."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Mapping[int, str]) -> None:
        self._texts = MappingProxyType(dict(sorted(texts.items())))

    def __getitem__(self, number: int) -> str:
        return self._texts[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __repr__(self) -> str:
        shown = (f"{number}: {_shown(number, text)}" for number, text in self._texts.items())
        return "{" + ", ".join(shown) + "}"


def _shown(number: int, text: str) -> str:
    return "withheld" if number in WITHHELD_FIELDS | _MAC_FIELDS else repr(text)


@dataclass(frozen=True)
class Message:
    """A message. `mti` are the four digits of its type."""

    mti: str
    fields: Fields

    @classmethod
    def of(cls, mti: str, fields: Mapping[int, str | None]) -> Message:
        """A message of those fields that are not None."""
        if not (len(mti) == 4 and mti.isascii() and mti.isdecimal()):
            raise WrongMessage("A message type has four digits.")
        return cls(mti, Fields({number: text for number, text in fields.items() if text is not None}))

    @property
    def is_request(self) -> bool:
        """Whether it wants a reply: the third digit of the type is even."""
        return int(self.mti[2]) % 2 == 0


@dataclass(frozen=True, slots=True)
class ReplyKey:
    """What a reply must repeat to be the answer to a request: type + 10, and fields 11, 41 and 7 (protocols.md D).

    Of the type the first three digits: a repeat (0421) is answered with 0430 by some hosts, with 0431 by others.
    """

    kind: str
    trace_number: str
    terminal_id: str
    transmitted: str


def key_of_reply(reply: Message) -> ReplyKey:
    """The key of a reply that has come."""
    fields = reply.fields
    return ReplyKey(reply.mti[:3], fields.get(11, ""), fields.get(41, "").rstrip(), fields.get(7, ""))


def key_of_awaited_reply(request: Message) -> ReplyKey:
    """The key that the reply to this request will have."""
    kind = request.mti[:2] + str(int(request.mti[2]) + 1)
    fields = request.fields
    return ReplyKey(kind, fields.get(11, ""), fields.get(41, "").rstrip(), fields.get(7, ""))
