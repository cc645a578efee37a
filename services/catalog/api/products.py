"""Products and their prices."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from libs.contracts.permissions import Permission
from libs.contracts.values import CurrencyCode
from libs.web.authentication import require
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.catalog.api.product_schemas import (
    ChangedProductBody,
    FoundAnswer,
    PricesAnswer,
    PricesBody,
    ProductAnswer,
    ProductBody,
    ScanAnswer,
)
from services.catalog.domain.refusals import UnknownProduct
from services.catalog.storage.products import ProductRepository
from services.catalog.use_cases.change_product import change_product
from services.catalog.use_cases.create_product import create_product
from services.catalog.use_cases.find_product import find_by_barcode
from services.catalog.use_cases.replace_prices import replace_prices

router = APIRouter(tags=["products"])
_reads = require(Permission.CATALOG_READ)
_writes = require(Permission.CATALOG_WRITE)


@router.post("/products", status_code=201, dependencies=[_writes], summary="Add a product or variant")
async def post_product(body: ProductBody, work: Work) -> ProductAnswer:
    return ProductAnswer.of(await create_product(work, body.details()))


@router.get("/products", dependencies=[_reads], summary="List products by code")
async def get_products(
    connection: Reading,
    paging: Paging,
    category_id: Annotated[UUID | None, Query(description="Only of this category and those below it.")] = None,
    variant_of: Annotated[UUID | None, Query(description="Only the variants of this product.")] = None,
    active: Annotated[bool | None, Query(description="Only active, or only inactive ones.")] = None,
) -> Page[ProductAnswer]:
    after = paging.after_keys(str, UUID)
    products = await ProductRepository(connection).page(
        None if after is None else (after[0], after[1]),
        paging.limit + 1,
        category_id=category_id,
        variant_of=variant_of,
        active=active,
    )
    return paging.page(products, lambda product: (product.details.code, str(product.id)), ProductAnswer.of)


@router.get("/products/by-barcode/{text:path}", dependencies=[_reads], summary="Find what a barcode names")
async def get_product_by_barcode(
    connection: Reading,
    text: Annotated[str, Path(max_length=400, description="What the scanner sent, percent-encoded.")],
    currency: Annotated[CurrencyCode | None, Query(description="For the price inside an in-store code.")] = None,
) -> FoundAnswer:
    found = await find_by_barcode(connection, text)
    return FoundAnswer(product=ProductAnswer.of(found.product), scan=ScanAnswer.of(found.scan, currency))


@router.get("/products/{product_id}", dependencies=[_reads], summary="Read a product with its prices")
async def get_product(product_id: UUID, connection: Reading) -> ProductAnswer:
    product = await ProductRepository(connection).find(product_id)
    if product is None:
        raise UnknownProduct(f"There is no product {product_id}.", field="product_id")
    return ProductAnswer.of(product)


@router.put("/products/{product_id}", dependencies=[_writes], summary="Change a product")
async def put_product(product_id: UUID, body: ChangedProductBody, work: Work) -> ProductAnswer:
    return ProductAnswer.of(await change_product(work, product_id, body.details(), version=body.version))


@router.get("/products/{product_id}/prices", dependencies=[_reads], summary="Read a product's prices")
async def get_prices(product_id: UUID, connection: Reading) -> PricesAnswer:
    product = await ProductRepository(connection).find(product_id)
    if product is None:
        raise UnknownProduct(f"There is no product {product_id}.", field="product_id")
    return PricesAnswer.of(product)


@router.put("/products/{product_id}/prices", dependencies=[_writes], summary="Replace all prices of a product")
async def put_prices(product_id: UUID, body: PricesBody, work: Work) -> PricesAnswer:
    prices = [price.price() for price in body.prices]
    return PricesAnswer.of(await replace_prices(work, product_id, prices, version=body.version))
