"""The chain's layouts of in-store weight and price codes."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from libs.contracts.catalog import BarcodeLayout
from libs.contracts.permissions import Permission
from libs.web.authentication import RequestBody, require
from libs.web.transactions import Reading, Work
from services.catalog.api.product_schemas import Version
from services.catalog.storage.rules import RuleRepository, StoredLayouts
from services.catalog.use_cases.replace_barcode_layouts import CHAIN, LARGEST_LAYOUTS, replace_barcode_layouts

router = APIRouter(tags=["barcode layouts"])
_reads = require(Permission.CATALOG_READ)
_writes = require(Permission.CATALOG_WRITE)


class LayoutsBody(RequestBody):
    """All layouts from now on."""

    version: Version
    layouts: list[BarcodeLayout] = Field(
        max_length=LARGEST_LAYOUTS,
        examples=[[{"prefix": "27", "item_digits": 5, "value_digits": 5, "value_kind": "weight", "value_decimals": 3}]],
    )


class LayoutsAnswer(BaseModel):
    """All layouts; version 0 before they were first given."""

    version: int
    layouts: list[BarcodeLayout]

    @classmethod
    def of(cls, stored: StoredLayouts) -> Self:
        """The answer for the layouts."""
        return cls(version=stored.version, layouts=list(stored.layouts))


@router.get("/barcode-layouts", dependencies=[_reads], summary="Read the layouts of in-store codes")
async def get_barcode_layouts(connection: Reading) -> LayoutsAnswer:
    return LayoutsAnswer.of(await RuleRepository(connection).layouts(CHAIN))


@router.put("/barcode-layouts", dependencies=[_writes], summary="Replace the layouts of in-store codes")
async def put_barcode_layouts(body: LayoutsBody, work: Work) -> LayoutsAnswer:
    return LayoutsAnswer.of(await replace_barcode_layouts(work, body.layouts, version=body.version))
