"""On every route: nobody gets in without a token, nonsense is refused, and what is sent twice is done once."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.contract.documents import OPERATIONS, documented
from tests.contract.living_shop import Json, LivingShop
from tests.contract.recipes import Names, Recipe, concentrator, payments, recipe_for

REPLAYED = "Idempotency-Replayed"
WITH_TOKEN = [label for label, said in documented() if "security" in said and label in OPERATIONS]
WITH_JSON = [
    label
    for label, said in documented()
    if "application/json" in said.get("requestBody", {}).get("content", {}) and label in OPERATIONS
]
# A tender's key is a name for it: the answer tells how far the basket is paid by now.
TENDERS = "POST /sales/v1/baskets/{basket_id}/tenders"
# So is that of a card presented: nothing of the request is kept, and the answer tells how far the payment is by now.
CARD = "POST /payments/v1/intents/{intent_id}/card"
KEYED = [
    label
    for label, said in documented()
    if any(parameter["name"] == "idempotency-key" for parameter in said.get("parameters", ()))
    and label not in (TENDERS, CARD)
]
OTHERWISE: dict[str, Json] = {
    "POST /catalog/v1/stock/movements": {"note": "Another one"},
    "POST /sales/v1/shifts": {"float_minor": 9_999},
    "POST /sales/v1/shifts/{shift_id}/cash-movements": {"amount_minor": 501},
    "POST /sales/v1/shifts/{shift_id}/drawer-openings": {"reason": "Another one"},
    "POST /sales/v1/sales/{sale_id}/void": {"reason": "Another one"},
}
"""What makes another request of the right one."""
NATURAL = {
    "POST /sales/v1/sales": "sale_id",
    "POST /sales/v1/baskets": "basket_id",
    "POST /sales/v1/baskets/{basket_id}/lines": "line_id",
    TENDERS: "tender_id",
    "POST /sales/v1/shifts": "shift_id",
    "POST /sales/v1/shifts/{shift_id}/cash-movements": "movement_id",
    "POST /sales/v1/shifts/{shift_id}/drawer-openings": "movement_id",
    "POST /sales/v1/sales/{sale_id}/reprints": "reprint_id",
    "POST /sales/v1/sales/{sale_id}/void": "void_sale_id",
    "POST /sales/v1/sales/{sale_id}/prints": "print_id",
    "POST /sales/v1/shifts/{shift_id}/prints": "print_id",
}
"""Routes that know a repetition by an id which the till made, and the field of that id."""
FOR_EVERYBODY = ["GET /identity/v1/chain", "DELETE /identity/v1/sign-ons/current", "GET /identity/v1/me"]
"""What anybody may who is signed on."""
OF_A_STORE = re.compile(
    r"/\{(basket_id|sale_id|shift_id|till_id|store_id|staff_id|gateway_id|intent_id|terminal_id|settlement_id)\}"
)
"""What belongs to one store. A receipt's code does not: goods are taken back wherever the customer is."""
LISTS_OF_A_STORE = [
    "GET /catalog/v1/stock",
    "GET /sales/v1/sales",
    "GET /sales/v1/shifts",
    "GET /sales/v1/suspended-baskets",
]
"""Lists that are asked for by `store_id`."""
BY_STATE = {
    "POST /sales/v1/baskets/{basket_id}/complete": "a basket is completed once, and tells its document ever after",
    "POST /sales/v1/shifts/{shift_id}/close": "a shift is closed once, and tells its Z report ever after",
    "POST /sales/v1/baskets/{basket_id}/coupons": "a coupon is in the basket or not",
    "POST /sales/v1/baskets/{basket_id}/suspend": "refused when the basket is suspended already",
    "POST /sales/v1/baskets/{basket_id}/recall": "refused when the basket is open already",
    "POST /sales/v1/baskets/{basket_id}/cancel": "refused or the same when the basket is cancelled already",
    "POST /sales/v1/sales/{sale_id}/receipt-emails": "a mail to the same address that waits is the same mail",
}
"""Routes that need no key, and why."""
NONSENSE = {
    "nothing": b"",
    "half": b'{"',
    "null": b"null",
    "a list": b"[]",
    "no UTF-8": b'{"a": "\xff"}',
    "half a surrogate": b'{"a": "\\ud800"}',
    "not a number": b'{"a": NaN}',
    "endless depth": b"[" * 100_000,
    "endless number": b'{"a": ' + b"9" * 5_000 + b"}",
}


class Asker:
    """Sends the right request of an operation, or what is made of it."""

    def __init__(self, shop: LivingShop, label: str) -> None:
        self.recipe: Recipe = recipe_for(label)
        self.names: Names = self.recipe.names(shop)
        self.body: Any = self.recipe.body(shop, self.names)
        self._method, path = label.split(" ", 1)
        self._path = path.format(**self.names)
        self._shop = shop
        self._query = self.recipe.query(shop)

    def ask(
        self, *, token: str | None = "", key: str | None = None, body: Any = None, content: bytes | None = None
    ) -> httpx.Response:
        """`token` "" is the recipe's; None sends none."""
        bearer = self.recipe.token(self._shop) if token == "" else token
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        if key:
            headers["Idempotency-Key"] = key
        if content is not None:
            headers["Content-Type"] = "application/json"
            return self._shop.http.request(self._method, self._path, content=content, headers=headers)
        sent = self.body if body is None else body
        if isinstance(sent, bytes):
            headers["Content-Type"] = "text/csv"
            return self._shop.http.request(self._method, self._path, content=sent, headers=headers)
        return self._shop.http.request(self._method, self._path, json=sent, params=self._query, headers=headers)


def problem(response: httpx.Response, status: int) -> Json:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), (
        response.text
    )
    document: Json = response.json()
    return document


@pytest.mark.parametrize("label", WITH_TOKEN)
def test_nobody_gets_in_without_a_good_token(label: str, shop: LivingShop) -> None:
    asker = Asker(shop, label)
    for token in (None, "nonsense", "a.b.c", f"{shop.till.token}x", _unsigned(shop.till.token or "")):
        response = asker.ask(token=token)
        assert problem(response, 401)["type"].endswith("/unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("label", WITH_TOKEN)
def test_nobody_does_anything_without_its_permission(label: str, shop: LivingShop) -> None:
    response = Asker(shop, label).ask(token=shop.stranger.token, key=str(uuid4()))
    if label in FOR_EVERYBODY:
        assert response.is_success, response.text
    else:
        assert problem(response, 403)["detail"]


@pytest.mark.parametrize(
    "label",
    [label for label in WITH_TOKEN if OF_A_STORE.search(label)]
    + LISTS_OF_A_STORE
    + payments.LISTS_OF_A_STORE
    + concentrator.LISTS_OF_A_STORE,
)
def test_nobody_reaches_into_another_store(label: str, shop: LivingShop) -> None:
    response = Asker(shop, label).ask(token=shop.outsider.token, key=str(uuid4()))
    assert response.status_code in (403, 404), response.text
    assert problem(response, response.status_code)["detail"]


def _unsigned(token: str) -> str:
    header, claims, _ = token.split(".")
    return f"{header}.{claims}."


@pytest.mark.parametrize("label", WITH_JSON)
def test_nonsense_is_refused(label: str, shop: LivingShop) -> None:
    asker = Asker(shop, label)
    for kind, content in NONSENSE.items():
        response = asker.ask(content=content)
        if response.is_success and kind in ("nothing", "null"):
            assert label.endswith(("/suspend", "/recall", "/cancel")), "only these need no body"
            asker = Asker(shop, label)
        else:
            assert problem(response, response.status_code)["detail"], kind
            assert response.status_code in (400, 422), kind


def test_every_route_that_moves_goods_or_money_can_be_repeated() -> None:
    moving = {label for label in OPERATIONS if label.startswith(("POST /sales/v1/", "POST /catalog/v1/stock/"))}
    # Deciding about a dead message moves nothing by itself: what it sets off happens once by its inbox.
    moving = {label for label in moving if "/dead-messages/" not in label}
    assert moving - set(KEYED) - set(NATURAL) == set(BY_STATE)


@pytest.mark.parametrize("label", sorted(BY_STATE))
def test_a_repeated_step_changes_nothing_more(label: str, shop: LivingShop) -> None:
    asker = Asker(shop, label)
    first = asker.ask()
    assert first.is_success, first.text
    second = asker.ask()
    if second.is_success:
        assert _without_version(second.json()) == _without_version(first.json())
    else:
        problem(second, 409)


def _without_version(answer: Json) -> Json:
    return {name: value for name, value in answer.items() if name != "version"}


@pytest.mark.parametrize("label", KEYED)
def test_the_same_key_gets_the_identical_answer(label: str, shop: LivingShop) -> None:
    asker = Asker(shop, label)
    key = str(uuid4())
    first, second, third = (asker.ask(key=key) for _ in range(3))
    assert first.is_success, first.text
    assert REPLAYED not in first.headers
    for repeated in (second, third):
        assert (repeated.status_code, repeated.content) == (first.status_code, first.content)
        assert repeated.headers[REPLAYED] == "true"


@pytest.mark.parametrize("label", KEYED)
def test_the_same_key_with_another_body_is_refused(label: str, shop: LivingShop) -> None:
    asker = Asker(shop, label)
    key = str(uuid4())
    assert asker.ask(key=key).is_success
    other = asker.body | {**OTHERWISE, **payments.OTHERWISE, **concentrator.OTHERWISE}[label]
    document = problem(asker.ask(key=key, body=other), 422)
    assert document["type"].endswith("/idempotency-key-reused")
    assert [each["field"] for each in document["errors"]] == ["header.Idempotency-Key"]


@pytest.mark.parametrize("label", KEYED)
def test_a_money_route_without_a_key_or_an_id_is_refused(label: str, shop: LivingShop) -> None:
    document = problem(Asker(shop, label).ask(), 400)
    assert document["type"].endswith("/idempotency-key-required")


@pytest.mark.parametrize("label", KEYED)
def test_the_same_key_at_the_same_moment_does_it_once(label: str, shop: LivingShop) -> None:
    asker = Asker(shop, label)
    key = str(uuid4())
    answers = list(_at_once(asker, key, 4))
    done = {answer.content for answer in answers if answer.is_success}
    assert len(done) == 1, [answer.text for answer in answers]
    for answer in answers:
        if not answer.is_success:
            assert problem(answer, 409)["type"].endswith("/request-in-flight")
            assert answer.headers["retry-after"] == "1"


def _at_once(asker: Asker, key: str, count: int) -> Iterator[httpx.Response]:
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(asker.ask(key=key))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == count
    yield from answers


@pytest.mark.parametrize("label", NATURAL)
def test_the_same_id_made_by_the_till_is_the_same_thing(label: str, shop: LivingShop) -> None:
    asker = Asker(shop, label)
    body = asker.body | {NATURAL[label]: str(uuid4())}
    first, second = asker.ask(body=body), asker.ask(body=body)
    assert first.is_success, first.text
    assert second.status_code == first.status_code, second.text
    assert second.json() == first.json()


def test_a_tender_with_the_same_key_is_the_same_tender(shop: LivingShop) -> None:
    asker = Asker(shop, TENDERS)
    key, body = str(uuid4()), {"kind": "voucher", "amount_minor": 100}
    first, second = asker.ask(key=key, body=body), asker.ask(key=key, body=body)
    assert first.status_code == second.status_code == 201
    assert len(first.json()["tenders"]) == 1
    assert second.json() == first.json()
    other = problem(asker.ask(key=key, body=body | {"amount_minor": 99}), 409)
    assert other["type"].endswith("/tender-id-taken")
    third = asker.ask(key=str(uuid4()), body=body)
    assert [tender["amount_minor"] for tender in third.json()["tenders"]] == [100, 100]


@pytest.mark.parametrize(
    "label", ["POST /sales/v1/baskets/{basket_id}/complete", "POST /sales/v1/shifts/{shift_id}/close"]
)
def test_completing_or_closing_twice_tells_the_same_document(label: str, shop: LivingShop) -> None:
    asker = Asker(shop, label)
    first, second = asker.ask(), asker.ask()
    assert first.is_success, first.text
    assert (second.status_code, second.json()) == (first.status_code, first.json())
