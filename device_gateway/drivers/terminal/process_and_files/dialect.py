"""A dialect: how one bank's program is asked and how its files are read, as data (dialects/*.toml)."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from device_gateway.domain.card_operations import CardOperation, NotSent
from device_gateway.drivers.interface import DeviceMisconfigured
from libs.contracts.terminals import TerminalAction

FOLDER = Path(__file__).parent / "dialects"
Reference = Literal[
    "masked_number",
    "approval_code",
    "receipt_number",
    "terminal_id",
    "transaction_time",
    "retrieval_reference",
    "trace",
]
MOVES_MONEY: frozenset[TerminalAction] = frozenset({"purchase", "refund", "reversal"})


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise ValueError(f"{name!r} is no encoding; write for example koi8_r, cp866 or cp1251") from error
    return name


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no pattern ({error})") from error
    return text


def _plain_name(name: str) -> str:
    if Path(name).name != name or name in ("", ".", ".."):
        raise ValueError(f"{name!r} must be the plain name of a file, without a folder")
    return name


Encoding = Annotated[str, AfterValidator(_encoding)]
Pattern = Annotated[str, AfterValidator(_pattern)]
FileName = Annotated[str, AfterValidator(_plain_name)]


class Dialect(BaseModel):
    """What a dialect file says.

    `outcome_pattern` is matched against the first line of the outcome file and has the groups `code` and `text`. A code
    among `uncertain_codes` is no outcome; one that is neither there nor among `approved_codes` is a decline.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    results_in: Literal["program_folder", "operation_folder"]
    outcome_file: FileName
    slip_file: FileName
    encoding: Encoding
    outcome_pattern: Pattern
    approved_codes: Annotated[frozenset[str], Field(min_length=1)]
    uncertain_codes: frozenset[str] = frozenset()
    configuration_files: tuple[FileName, ...] = ()
    numbered_operations_file: FileName | None = None
    commands: Mapping[TerminalAction, tuple[str, ...]]
    outcome_lines: Mapping[Reference, Annotated[int, Field(ge=1, le=99)]] = {}
    slip_patterns: Mapping[Reference, Pattern] = {}
    reasons: Mapping[str, str] = {}

    @property
    def result_files(self) -> tuple[str, str]:
        """The files that a run leaves."""
        return self.outcome_file, self.slip_file

    @property
    def numbered(self) -> bool:
        """Whether the operations have numbers that stand in the bank's configuration."""
        return any("{number}" in argument for command in self.commands.values() for argument in command)


def read_dialect(name: str, folder: Path = FOLDER) -> Dialect:
    """The dialect of that name, or in that file if it is a path. Raises DeviceMisconfigured with a sentence."""
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    try:
        return Dialect.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        known = ", ".join(sorted(file.stem for file in folder.glob("*.toml")))
        raise DeviceMisconfigured(f"There is no dialect {name!r}; there are {known}.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DeviceMisconfigured(f"The dialect {path.name} cannot be read: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise DeviceMisconfigured(f"The dialect {path.name} is wrong: {field}: {first['msg']}.") from error


def arguments_for(
    operation: CardOperation,
    dialect: Dialect,
    *,
    currency: str,
    currency_number: str,
    numbers: Mapping[TerminalAction, str],
) -> list[str] | NotSent:
    """The arguments of the program for an operation, or why it cannot be asked. Amounts in minor units."""
    doing = operation.action.replace("_", " ")
    command = dialect.commands.get(operation.action)
    if command is None:
        return NotSent(f"This terminal ({dialect.title}) cannot carry out {doing}.")
    if operation.cash_back_minor:
        return NotSent(f"This terminal ({dialect.title}) gives no cash-back. Pay the goods by card without it.")
    if operation.action in MOVES_MONEY:
        if operation.currency != currency:
            return NotSent(f"This terminal works in {currency}, not in {operation.currency}.")
        if operation.amount_minor <= 0:
            return NotSent("The amount must be above zero.")
    retrieval_reference = (operation.original.retrieval_reference if operation.original else None) or ""
    values = {
        "amount": str(operation.amount_minor),
        "currency_number": currency_number,
        "retrieval_reference": retrieval_reference,
        "number": numbers.get(operation.action, ""),
    }
    for name, missing in (
        (
            "number",
            f"operations.{operation.action} is missing in devices.toml: its number in the bank's ops.ini.",
        ),
        ("retrieval_reference", "The retrieval reference (RRN) of the original payment is missing; it is on its slip."),
    ):
        if not values[name] and any(f"{{{name}}}" in argument for argument in command):
            return NotSent(missing)
    if retrieval_reference and not re.fullmatch(r"[0-9A-Za-z]{1,12}", retrieval_reference):
        return NotSent("The retrieval reference (RRN) must be up to 12 letters and digits, as on the slip.")
    return [argument.format_map(values) for argument in command]
