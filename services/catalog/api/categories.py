"""The tree of categories."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from libs.contracts.permissions import Permission
from libs.web.authentication import RequestBody, require
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.catalog.api.product_schemas import Code, Name, Version
from services.catalog.domain.refusals import NotFoundHere
from services.catalog.storage.categories import Category, CategoryRepository
from services.catalog.use_cases.save_category import change_category, create_category

router = APIRouter(tags=["categories"])
_reads = require(Permission.CATALOG_READ)
_writes = require(Permission.CATALOG_WRITE)


class CategoryBody(RequestBody):
    """A new category."""

    code: Code
    name: Name
    parent_id: UUID | None = Field(default=None, description="The category above; none at the top.")
    active: bool = True


class ChangedCategoryBody(RequestBody):
    """A category as it shall be from now on; its code stays."""

    version: Version
    name: Name
    parent_id: UUID | None = None
    active: bool = True


class CategoryAnswer(BaseModel):
    """A category."""

    id: UUID
    code: str
    name: str
    parent_id: UUID | None
    active: bool
    version: int

    @classmethod
    def of(cls, category: Category) -> Self:
        """The answer for a category."""
        return cls(
            id=category.id,
            code=category.code,
            name=category.name,
            parent_id=category.parent_id,
            active=category.active,
            version=category.version,
        )


@router.post("/categories", status_code=201, dependencies=[_writes], summary="Add a category")
async def post_category(body: CategoryBody, work: Work) -> CategoryAnswer:
    return CategoryAnswer.of(await create_category(work, body.code, body.name, body.parent_id, body.active))


@router.get("/categories", dependencies=[_reads], summary="List categories by code")
async def get_categories(connection: Reading, paging: Paging) -> Page[CategoryAnswer]:
    after = paging.after_keys(str)
    categories = await CategoryRepository(connection).page(None if after is None else (after[0],), paging.limit + 1)
    return paging.page(categories, lambda category: (category.code,), CategoryAnswer.of)


@router.get("/categories/{category_id}", dependencies=[_reads], summary="Read a category")
async def get_category(category_id: UUID, connection: Reading) -> CategoryAnswer:
    category = await CategoryRepository(connection).find(category_id)
    if category is None:
        raise NotFoundHere(f"There is no category {category_id}.", field="category_id")
    return CategoryAnswer.of(category)


@router.put("/categories/{category_id}", dependencies=[_writes], summary="Rename, move or deactivate a category")
async def put_category(category_id: UUID, body: ChangedCategoryBody, work: Work) -> CategoryAnswer:
    changed = await change_category(work, category_id, body.name, body.parent_id, body.active, version=body.version)
    return CategoryAnswer.of(changed)
