"""The layouts in force: the chain's own where it has one that works, else the shipped ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from libs.contracts.printing import PrintedDocument
from libs.contracts.refusal import Invalid
from libs.persistence import Connection
from services.sales.domain.print_sections import Printable
from services.sales.domain.receipt_labels import LANGUAGES, Language
from services.sales.layout_samples import samples
from services.sales.layout_templates import Layout, LayoutError, LayoutKind, shipped_layout
from services.sales.storage.receipt_layouts import ANY_LANGUAGE, LayoutRepository

_log = structlog.get_logger(__name__)


class UnusableLayout(Invalid):
    """The layout cannot be read, or fails on a document of its kind."""

    type = "unusable-layout"


@dataclass(frozen=True, slots=True)
class CurrentLayouts:
    """The chain's layouts by kind and language, and its logo."""

    layouts: Mapping[tuple[str, str], Layout]
    logo: bytes | None

    def document(self, kind: LayoutKind, printable: Printable, values: Mapping[str, Any]) -> PrintedDocument:
        """What is printed. A layout of the chain's own that fails is passed over: the customer gets a receipt."""
        for language in (printable.language, ANY_LANGUAGE):
            layout = self.layouts.get((kind, language))
            if layout is None:
                continue
            try:
                return layout.document(printable, values)
            except LayoutError as error:
                _log.error("receipt_layout_failed", kind=kind, language=language, cause=str(error))
        return shipped_layout(kind).document(printable, values)


class ReceiptLayouts:
    """The layouts of this process, read again when they have changed."""

    def __init__(self) -> None:
        self._revision: tuple[object, ...] | None = None
        self._current = CurrentLayouts({}, None)

    async def current(self, connection: Connection) -> CurrentLayouts:
        """The layouts in force."""
        repository = LayoutRepository(connection)
        revision = await repository.revision()
        if revision != self._revision:
            layouts: dict[tuple[str, str], Layout] = {}
            for stored in await repository.all():
                try:
                    layouts[stored.kind, stored.language] = Layout.read(stored.template)
                except LayoutError as error:
                    _log.error(
                        "receipt_layout_unreadable", kind=stored.kind, language=stored.language, cause=str(error)
                    )
            self._current, self._revision = CurrentLayouts(layouts, await repository.logo()), revision
        return self._current


def check_layout(kind: LayoutKind, language: Language | None, template: str) -> None:
    """Raise UnusableLayout unless the template prints a document of every kind it is for, in its languages."""
    try:
        layout = Layout.read(template)
    except LayoutError as error:
        raise UnusableLayout(f"The layout, {error}.", field="template") from error
    for each in LANGUAGES if language is None else (language,):
        for sample in samples(kind, each):
            try:
                layout.document(sample.printable, sample.values)
            except LayoutError as error:
                raise UnusableLayout(
                    f"The layout cannot print {sample.name} ({each}): {error}.", field="template"
                ) from error
