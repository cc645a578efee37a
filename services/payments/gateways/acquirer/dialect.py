"""An acquirer's dialect of ISO 8583 as data (dialects/*.toml), and the pyiso8583 specification made of it."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import iso8583.specs
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

FOLDER = Path(__file__).parent / "dialects"
# Fields of digits, packed two to a byte in the packed base; an odd number of them gets a 0 on the left.
_PACKED = (
    *(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 32, 33, 35, 49, 50),
    *(51, 53, 66, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 99, 100),
)
_BYTES = {52: 8, 64: 8, 128: 8}
FieldName = Annotated[str, StringConstraints(pattern=r"^(h|t|p|[1-9][0-9]{0,2})$")]


class DialectWrong(ValueError):
    """A dialect cannot be used; the text names file and field."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldChange(_Strict):
    """How a field differs from the base, in the words of pyiso8583."""

    data_enc: str | None = None
    len_enc: str | None = None
    len_type: Annotated[int, Field(ge=0, le=4)] | None = None
    max_len: Annotated[int, Field(ge=0, le=9_999)] | None = None
    left_pad: str | None = None
    right_pad: str | None = None


class FramingOfDialect(_Strict):
    """Bytes of length before each message (big-endian, not counting themselves), and the TPDU after them."""

    length_bytes: Literal[2, 4] = 2
    tpdu: Annotated[str, StringConstraints(pattern=r"^([0-9A-F]{10})?$")] = ""


class RepliesOfDialect(_Strict):
    """Codes of field 39 that mean more than approved or declined."""

    uncertain_codes: frozenset[str] = frozenset()
    partial_codes: frozenset[str] = frozenset()


class MessagesOfDialect(_Strict):
    """What is sent how. `without_fields` are left out of every message to this acquirer."""

    reversal_type: Literal["0400", "0420"] = "0420"
    sign_on: bool = True
    without_fields: frozenset[int] = frozenset()


class MacOfDialect(_Strict):
    """How messages are authenticated; `message_types` empty means all."""

    algorithm: Literal["none", "retail", "cmac-aes"] = "none"
    message_types: frozenset[str] = frozenset()


class Dialect(_Strict):
    """What a dialect file says."""

    title: str
    base: Literal["ascii", "packed"]
    framing: FramingOfDialect = FramingOfDialect()
    replies: RepliesOfDialect = RepliesOfDialect()
    messages: MessagesOfDialect = MessagesOfDialect()
    mac: MacOfDialect = MacOfDialect()
    fields: Mapping[FieldName, FieldChange] = {}

    def specification(self) -> dict[str, dict[str, Any]]:
        """The specification for pyiso8583, with the length of the message header set to none."""
        spec: dict[str, dict[str, Any]] = copy.deepcopy(dict(iso8583.specs.default_ascii))
        spec["h"]["max_len"] = 0
        if self.base == "packed":
            _pack(spec)
        for name, change in self.fields.items():
            spec[name].update(change.model_dump(exclude_none=True))
        return spec


def _pack(spec: dict[str, dict[str, Any]]) -> None:
    """Digits two to a byte, lengths too, and bytes as bytes."""
    spec["t"].update(data_enc="b", max_len=2)
    for name in ("p", "1"):
        spec[name].update(data_enc="b", max_len=8)
    for number in _PACKED:
        spec[str(number)].update(data_enc="b", len_count="nibbles", left_pad="0")
    for number, length in _BYTES.items():
        spec[str(number)].update(data_enc="b", max_len=length)
    spec["55"].update(data_enc="b")
    for name, field in spec.items():
        if field["len_type"]:
            # Two or three digits of length take one or two bytes.
            spec[name].update(len_enc="bcd", len_type=(field["len_type"] + 1) // 2)


def read_dialect(name: str, folder: Path = FOLDER) -> Dialect:
    """The dialect of that name, or in that file if it ends in .toml. Raises DialectWrong."""
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    try:
        return Dialect.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        known = ", ".join(sorted(file.stem for file in folder.glob("*.toml")))
        raise DialectWrong(f"There is no dialect {name!r}; there are {known}.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DialectWrong(f"The dialect {path.name} cannot be read: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise DialectWrong(f"The dialect {path.name} is wrong: {field}: {first['msg']}.") from error
