"""Promotions."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from libs.contracts.permissions import Permission
from libs.web.authentication import require
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.catalog.api.promotion_schemas import ChangedPromotionBody, PromotionAnswer, PromotionBody
from services.catalog.domain.refusals import NotFoundHere
from services.catalog.storage.rules import RuleRepository
from services.catalog.use_cases.save_promotion import change_promotion, create_promotion

router = APIRouter(tags=["promotions"])
_reads = require(Permission.CATALOG_READ)
_writes = require(Permission.CATALOG_WRITE)


@router.post("/promotions", status_code=201, dependencies=[_writes], summary="Add a promotion")
async def post_promotion(body: PromotionBody, work: Work) -> PromotionAnswer:
    return PromotionAnswer.of(await create_promotion(work, body.name, body.facts(), body.active))


@router.get("/promotions", dependencies=[_reads], summary="List promotions by name")
async def get_promotions(
    connection: Reading,
    paging: Paging,
    active: Annotated[bool | None, Query(description="Only active, or only inactive ones.")] = None,
) -> Page[PromotionAnswer]:
    after = paging.after_keys(str, UUID)
    promotions = await RuleRepository(connection).promotion_page(
        None if after is None else (after[0], after[1]), paging.limit + 1, active
    )
    return paging.page(promotions, lambda promotion: (promotion.name, str(promotion.id)), PromotionAnswer.of)


@router.get("/promotions/{promotion_id}", dependencies=[_reads], summary="Read a promotion")
async def get_promotion(promotion_id: UUID, connection: Reading) -> PromotionAnswer:
    promotion = await RuleRepository(connection).promotion(promotion_id)
    if promotion is None:
        raise NotFoundHere(f"There is no promotion {promotion_id}.", field="promotion_id")
    return PromotionAnswer.of(promotion)


@router.put("/promotions/{promotion_id}", dependencies=[_writes], summary="Change or deactivate a promotion")
async def put_promotion(promotion_id: UUID, body: ChangedPromotionBody, work: Work) -> PromotionAnswer:
    changed = await change_promotion(work, promotion_id, body.name, body.facts(), body.active, version=body.version)
    return PromotionAnswer.of(changed)
