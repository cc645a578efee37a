"""The chain's own receipt layouts, and the logo on its receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Base64Bytes, BaseModel, Field, StringConstraints

from libs.contracts.permissions import Permission
from libs.contracts.refusal import NotFound
from libs.web.authentication import Caller, RequestBody
from libs.web.openapi import problems
from libs.web.principal import Principal
from libs.web.transactions import Reading, Work
from services.sales.domain.receipt_labels import Language
from services.sales.layout_templates import LayoutKind, shipped_text
from services.sales.logo_image import LARGEST_LOGO_BYTES, check_logo
from services.sales.receipt_layouts import check_layout
from services.sales.storage.receipt_layouts import ANY_LANGUAGE, LayoutRepository, StoredLayout

router = APIRouter(tags=["receipt layouts"])

LanguageChoice = Annotated[
    Language | None, Query(description="One language; absent, every language without a layout of its own.")
]


class NoLogo(NotFound):
    """Receipts have no logo."""

    type = "no-logo"


class LayoutBody(RequestBody):
    """A layout: a template that yields one line of markup for each thing to print."""

    template: Annotated[str, StringConstraints(min_length=1, max_length=20_000, pattern=r"^[^\x00]+$")] = Field(
        description="`!lines` prints a section of the document, `# Sale!` a large heading, `---` a line, "
        "`Phone || 555 0100` a pair; see the README of sales.",
        examples=["!logo\n!store\n---\n!title\n!lines\n---\n!total\n!payments\n# See you soon!\n!code"],
    )


class LayoutView(BaseModel):
    """A layout in force. `own` is false for the one that Tillstream ships; `language` null is for every language."""

    kind: LayoutKind
    language: Language | None
    own: bool
    template: str
    changed_at: datetime | None
    changed_by: UUID | None


class LogoBody(RequestBody):
    """A logo: a PNG of 32 KiB, 832 by 600 dots at most, printed in black and white."""

    png: Annotated[Base64Bytes, Field(min_length=1, max_length=2 * LARGEST_LOGO_BYTES)]


class LogoView(BaseModel):
    """The logo on receipts; sizes in dots."""

    png: Base64Bytes
    width: int
    height: int


def _configures(caller: Principal) -> None:
    """Layouts are the chain's: whoever configures one store configures all receipts."""
    caller.demand(Permission.SALES_CONFIGURE)


@router.get("/receipt-layouts/{kind}", summary="The layout of a kind of document")
async def read_layout(
    kind: LayoutKind, caller: Caller, connection: Reading, language: LanguageChoice = None
) -> LayoutView:
    """The chain's own for this language, else its own for every language, else the shipped one."""
    _configures(caller)
    repository = LayoutRepository(connection)
    for each in (language, None) if language else (None,):
        stored = await repository.get(kind, each or ANY_LANGUAGE)
        if stored is not None:
            return _view(kind, stored)
    return LayoutView(
        kind=kind, language=None, own=False, template=shipped_text(kind), changed_at=None, changed_by=None
    )


@router.put("/receipt-layouts/{kind}", summary="Lay a kind of document out anew")
async def put_layout(
    kind: LayoutKind, body: LayoutBody, caller: Caller, work: Work, language: LanguageChoice = None
) -> LayoutView:
    """It is tried on documents of every kind first; 422 `unusable-layout` names the line and the cause."""
    _configures(caller)
    check_layout(kind, language, body.template)
    stored = await LayoutRepository(work.connection).put(
        kind, language or ANY_LANGUAGE, body.template, by=caller.id, now=work.now
    )
    return _view(kind, stored)


@router.delete("/receipt-layouts/{kind}", status_code=204, summary="Go back to the shipped layout")
async def delete_layout(kind: LayoutKind, caller: Caller, work: Work, language: LanguageChoice = None) -> Response:
    """Nothing happens if there is none of the chain's own."""
    _configures(caller)
    await LayoutRepository(work.connection).remove(kind, language or ANY_LANGUAGE)
    return Response(status_code=204)


@router.get("/receipt-logo", responses=problems(404), summary="The logo on receipts")
async def read_logo(caller: Caller, connection: Reading) -> LogoView:
    """404 `no-logo` if there is none."""
    _configures(caller)
    png = await LayoutRepository(connection).logo()
    if png is None:
        raise NoLogo("Receipts have no logo.")
    return _logo(png)


@router.put("/receipt-logo", summary="Print a logo on receipts")
async def put_logo(body: LogoBody, caller: Caller, work: Work) -> LogoView:
    """On receipts, copies and gift receipts, where the layout says `!logo`."""
    _configures(caller)
    view = _logo(body.png)
    await LayoutRepository(work.connection).put_logo(body.png, by=caller.id, now=work.now)
    return view


@router.delete("/receipt-logo", status_code=204, summary="Print no logo")
async def delete_logo(caller: Caller, work: Work) -> Response:
    """Nothing happens if there is none."""
    _configures(caller)
    await LayoutRepository(work.connection).remove_logo()
    return Response(status_code=204)


def _logo(png: bytes) -> LogoView:
    width, height = check_logo(png)
    return LogoView.model_construct(png=png, width=width, height=height)


def _view(kind: LayoutKind, stored: StoredLayout) -> LayoutView:
    return LayoutView.model_validate(
        {
            "kind": kind,
            "language": stored.language or None,
            "own": True,
            "template": stored.template,
            "changed_at": stored.changed_at,
            "changed_by": stored.changed_by,
        }
    )
