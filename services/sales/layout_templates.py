"""Receipt layouts as templates: a small, safe part of Jinja2 that yields the markup of `domain.print_markup`.

A template may say what is printed, not reckon or call: values, `if`, `for` (two deep at most) and a few filters. So it
ends soon, whatever a chain writes into it, and reaches nothing but the values it is given:

- a receipt: `receipt` (`services.sales.domain.receipt.Receipt`) and `language`;
- a gift receipt: `header` (its header), `receipt_code` and `language`, no amounts;
- an X or Z report: `report` (`services.sales.domain.reports.ShiftReport`) and `language`.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from libs.contracts.printing import PrintedDocument
from services.sales.domain.print_markup import INERT, PAIR, MarkupError, printed_document
from services.sales.domain.print_sections import Printable

LayoutKind = Literal["receipt", "gift_receipt", "x_report", "z_report"]
LAYOUT_KINDS: tuple[LayoutKind, ...] = get_args(LayoutKind)

LONGEST_MARKUP = 200_000
DEEPEST_LOOP = 2
FILTERS = ("default", "first", "join", "last", "length", "lower", "trim", "upper")

_SHIPPED = Path(__file__).parent / "api" / "templates" / "layouts"
_USABLE = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Test,
    nodes.Filter,
)


class LayoutError(ValueError):
    """A layout that cannot be used. `line` is the template's, where one is known; `cause` says what is wrong."""

    def __init__(self, cause: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {cause}" if line is not None else cause)
        self.cause = cause
        self.line = line


def _value(value: object) -> str:
    """What a value becomes in the markup: one row that no sign in it makes anything else of."""
    shown = "" if value is None else " ".join(str(value).split())
    return INERT + shown.replace(PAIR, f"|{INERT}|")


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=_value,
        trim_blocks=True,
        lstrip_blocks=True,
        # Plain text: paper knows no HTML.
        autoescape=False,
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    return environment


_ENVIRONMENT = _environment()


class Layout:
    """A template that was read and found to use only what layouts may use."""

    def __init__(self, template: Template, text: str) -> None:
        self._template = template
        self._lines = [line.strip() for line in text.split("\n")]

    @classmethod
    def read(cls, text: str) -> Layout:
        """Read a template. Raises LayoutError naming the line."""
        try:
            tree = _ENVIRONMENT.parse(text)
            _demand_usable(tree, loops=0)
            return cls(_ENVIRONMENT.from_string(text), text)
        except TemplateSyntaxError as error:
            raise LayoutError(error.message or "this cannot be read", error.lineno) from error
        except TemplateError as error:
            raise LayoutError(error.message or "this cannot be read") from error

    def document(self, printable: Printable, values: Mapping[str, Any]) -> PrintedDocument:
        """What the layout prints of a document. Raises LayoutError."""
        markup = self._markup({**values, "language": printable.language})
        try:
            return printed_document(markup, printable)
        except MarkupError as error:
            line = markup.split("\n")[error.line - 1].replace(INERT, "").strip()
            # What stands in the template as it is printed can be pointed at.
            number = self._lines.index(line) + 1 if line in self._lines else None
            raise LayoutError(f"{line[:60]!r}: {error.cause}", number) from error

    def _markup(self, values: Mapping[str, Any]) -> str:
        parts: list[str] = []
        length = 0
        try:
            for part in self._template.generate(values):
                parts.append(part)
                length += len(part)
                if length > LONGEST_MARKUP:
                    raise LayoutError(f"it prints more than {LONGEST_MARKUP} characters")
        except (TemplateError, TypeError, LookupError, ArithmeticError) as error:
            raise LayoutError(str(error), _line_of(error)) from error
        return "".join(parts)


def _demand_usable(node: nodes.Node, *, loops: int) -> None:
    if not isinstance(node, _USABLE):
        word = type(node).__name__.lower()
        raise LayoutError(f"a layout knows values, if, for and filters, not {word}", node.lineno)
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise LayoutError(f"there is no filter {node.name!r}; there are {', '.join(FILTERS)}", node.lineno)
    if isinstance(node, nodes.For):
        loops += 1
        if loops > DEEPEST_LOOP:
            raise LayoutError(f"a for within {DEEPEST_LOOP} others is too deep", node.lineno)
        if node.recursive:
            raise LayoutError("a for that calls itself is too deep", node.lineno)
    for child in node.iter_child_nodes():
        _demand_usable(child, loops=loops)


def _line_of(error: BaseException) -> int | None:
    """The line of the template in which an error arose: Jinja2 puts it into the traceback."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return lines[-1] if lines else None


def shipped_text(kind: LayoutKind) -> str:
    """The template that is used unless the chain has one of its own."""
    return (_SHIPPED / f"{kind}.txt").read_text(encoding="utf-8")


@lru_cache(maxsize=len(LAYOUT_KINDS))
def shipped_layout(kind: LayoutKind) -> Layout:
    """The layout that is used unless the chain has one of its own."""
    return Layout.read(shipped_text(kind))
