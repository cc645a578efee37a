"""The demo's shop: set up through the same API as any other, from the first administrator to prices and promotions."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from random import Random

from infra.demo.api import Api, DemoFailed, Json
from infra.demo.cashier import CURRENCY, Cashier, Manager
from infra.demo.goods import WEIGHT_PREFIX, Goods, assortment
from libs.money import Money

PRICE_LIST = "retail"
ADMINISTRATOR = ("admin", "2580", "demo-password-of-the-office")
MANAGER = Manager("maeve", "7391")
CASHIERS = (
    ("aoife", "Aoife Byrne"),
    ("conor", "Conor Walsh"),
    ("niamh", "Niamh Kelly"),
    ("sean", "Seán Murphy"),
    ("ciara", "Ciara Ryan"),
    ("oisin", "Oisín Doyle"),
    ("grainne", "Gráinne Nolan"),
    ("padraig", "Pádraig Burke"),
)
CASHIER_PIN = "4682"
READY_WITHIN_S = 60.0


class AlreadySetUp(Exception):
    """The installation has a chain already: set-up works once."""


@dataclass
class Shop:
    """A shop that is ready to trade."""

    office: Api
    store_id: str
    cashiers: list[Cashier]


async def set_up_shop(anonymous: Api, secrets: Mapping[str, str], till_count: int) -> Shop:
    """Set up chain, store, staff, tills and catalogue, and wait until the tills know the prices.

    Raises AlreadySetUp, and DemoFailed for anything unexpected.
    """
    made = await _set_up_chain(anonymous, secrets["TILLSTREAM_IDENTITY_SETUP_CODE"])
    code, _pin, password = ADMINISTRATOR
    store_id: str = made["store"]["id"]
    signed_on = await anonymous.post("/identity/v1/office-sign-ons", {"staff_code": code, "password": password})
    office = anonymous.as_bearer(signed_on["access_token"])
    await _catalogue(office)
    await _staff(office, store_id, till_count)
    shelf: list[str] = []
    cashiers = [await _cashier(anonymous, office, store_id, index, shelf) for index in range(till_count)]
    await _until_prices_are_known(cashiers[0].api)
    return Shop(office, store_id, cashiers)


async def _set_up_chain(anonymous: Api, setup_code: str) -> Json:
    code, pin, password = ADMINISTRATOR
    try:
        made: Json = await anonymous.post(
            "/identity/v1/set-up",
            {
                "setup_code": setup_code,
                "chain_name": "Corner Shops",
                "administrator": {"code": code, "name": "Administrator", "pin": pin, "password": password},
                "store": {
                    "code": "dublin-1",
                    "name": "Corner Shop Rathmines",
                    "country": "IE",
                    "currency": CURRENCY,
                    "time_zone": "Europe/Dublin",
                    "language": "en",
                    "cash_rounding_minor": 5,
                    "price_list": PRICE_LIST,
                    "tax_number": "IE1234567T",
                    "address_lines": ["1 Rathmines Road", "Dublin 6"],
                    "receipt_footer": "Thank you, come again!",
                },
            },
        )
    except DemoFailed as error:
        if error.status == HTTPStatus.CONFLICT:
            raise AlreadySetUp from error
        raise
    return made


async def _catalogue(office: Api) -> None:
    await office.put(
        "/catalog/v1/barcode-layouts",
        {
            "version": 0,
            "layouts": [
                {
                    "prefix": WEIGHT_PREFIX,
                    "item_digits": 5,
                    "value_digits": 5,
                    "value_kind": "weight",
                    "value_decimals": 3,
                }
            ],
        },
    )
    for tax_category, name, percent in (
        ("standard", "Standard", "23"),
        ("reduced", "Reduced", "13.5"),
        ("zero", "Zero", "0"),
    ):
        rates = [{"code": "VAT", "name": "VAT", "percent": percent}]
        await office.post("/catalog/v1/tax-categories", {"code": tax_category, "name": name, "rates": rates})
    await office.post("/catalog/v1/price-lists", {"code": PRICE_LIST, "name": "Retail", "currency": CURRENCY})
    goods = assortment()
    await _import(office, goods)
    await _promotions(office)


async def _import(office: Api, goods: Mapping[str, Goods]) -> None:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(
        ("code", "name", "unit", "tax_category", "barcodes", "item_code", "minimum_age_years", "price_list", "price")
    )
    for each in goods.values():
        price = Money(each.price_minor, CURRENCY).decimal()
        age = each.minimum_age_years or ""
        rows.writerow(
            (
                each.code,
                each.name,
                each.unit,
                each.tax_category,
                each.barcode or "",
                each.item_code or "",
                age,
                PRICE_LIST,
                price,
            )
        )
    response = await office.request(
        "POST", "/catalog/v1/imports", content=text.getvalue().encode(), headers={"Content-Type": "text/csv"}
    )
    report: Json = response.json()
    while report["state"] not in ("finished", "failed"):
        await asyncio.sleep(0.2)
        report = await office.get(f"/catalog/v1/imports/{report['import_id']}")
    if report["state"] == "failed" or report["refused"]:
        raise DemoFailed(f"The assortment was not imported whole: {report}")


async def _promotions(office: Api) -> None:
    """Yogurt with a fifth off, pasta with a sauce or ketchup for 3.00, and 2.00 off what comes to 40.00 and more."""
    goods = assortment()

    async def ids(*names: str) -> Json:
        codes = [goods[name].barcode or "" for name in names]
        found = [await office.get(f"/catalog/v1/products/by-barcode/{code}") for code in codes]
        return {"product_ids": [each["product"]["id"] for each in found]}

    bundle = [
        {"products": await ids("pasta"), "quantity": "1"},
        {"products": await ids("sauces", "ketchup"), "quantity": "1"},
    ]
    for promotion in (
        {"name": "Yogurt week", "kind": "percent_off", "products": await ids("yogurt"), "percent": "20"},
        {"name": "Pasta with sauce", "kind": "bundle", "groups": bundle, "amount_minor": 300, "currency": CURRENCY},
        {
            "name": "2.00 off from 40.00",
            "kind": "basket_threshold",
            "products": {"everything": True},
            "threshold_minor": 4_000,
            "amount_minor": 200,
            "currency": CURRENCY,
        },
    ):
        await office.post("/catalog/v1/promotions", promotion)


async def _staff(office: Api, store_id: str, till_count: int) -> None:
    await office.post(
        "/identity/v1/staff",
        {
            "code": MANAGER.code,
            "name": "Maeve O'Brien",
            "store_ids": [store_id],
            "roles": ["manager"],
            "pin": MANAGER.pin,
        },
    )
    for code, name in (_person(index) for index in range(till_count)):
        person = {"code": code, "name": name, "store_ids": [store_id], "roles": ["cashier"], "pin": CASHIER_PIN}
        await office.post("/identity/v1/staff", person)


def _person(index: int) -> tuple[str, str]:
    code, name = CASHIERS[index % len(CASHIERS)]
    again = index // len(CASHIERS)
    return (f"{code}{again + 1}", f"{name} {again + 1}") if again else (code, name)


async def _cashier(anonymous: Api, office: Api, store_id: str, index: int, shelf: list[str]) -> Cashier:
    """Enrol a till with its one-time code, and sign a cashier on at it."""
    till = await office.post(
        "/identity/v1/tills", {"store_id": store_id, "code": str(index + 1), "name": f"Till {index + 1}"}
    )
    enrolment = await office.post(f"/identity/v1/tills/{till['id']}/enrolment-codes")
    enrolled = await anonymous.post("/identity/v1/enrolments", {"code": enrolment["code"]})
    device = await anonymous.post(
        "/identity/v1/tokens/till", {"till_id": enrolled["till_id"], "secret": enrolled["secret"]}
    )
    code, name = _person(index)
    signed_on = await anonymous.as_bearer(device["access_token"]).post(
        "/identity/v1/sign-ons", {"staff_code": code, "pin": CASHIER_PIN}
    )
    return Cashier(
        till_code=till["code"],
        till_id=till["id"],
        name=name,
        api=anonymous.as_bearer(signed_on["access_token"]),
        manager=MANAGER,
        # Seeded, so that a day can be traded again exactly.
        chance=Random(1000 + index),  # noqa: S311 - weights on scales are no secret
        shelf=shelf,
    )


async def _until_prices_are_known(till: Api) -> None:
    """Prices travel from catalog to sales by events; the shop opens when the last of them has arrived."""
    last = list(assortment().values())[-1]
    deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
    while True:
        try:
            await till.get("/sales/v1/price-checks", code=last.code)
        except DemoFailed:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return
