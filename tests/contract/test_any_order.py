"""Requests of two tills in any order, about whatever was made before: every answer is still what the document says."""

from __future__ import annotations

import os
from collections import defaultdict
from random import Random
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.contract.documents import OPERATIONS, Request
from tests.contract.findings import Findings
from tests.contract.living_shop import CURRENCY, Api, Json, LivingShop
from tests.contract.recipes import recipe_for

STEPS = 10 * int(os.environ.get("TILLSTREAM_FUZZ_EXAMPLES", "5"))
SEEDS = range(4)
# Everything that moves goods or money, often; what only shows it, now and then.
WRITING = [label for label in OPERATIONS if "/sales/v1/" in label and not label.startswith("GET")]
READING = [label for label in OPERATIONS if "/sales/v1/" in label and label.startswith("GET")]
# These are told by another name: by a coupon's or a receipt's code, or by two currencies.
NAMED_BY_RECIPE = ("code", "local_currency", "foreign_currency")
MOST_KEPT = 12
OPEN, CLOSE = "POST /sales/v1/shifts", "POST /sales/v1/shifts/{shift_id}/close"


class Walk:
    """One walk through a shop: what has been seen, and what is done next."""

    def __init__(self, shop: LivingShop, seed: int) -> None:
        self._shop = shop
        self._chance = Random(seed)
        self._seen: dict[str, list[str]] = defaultdict(list)
        tills = [shop.new_till() for _ in range(2)]
        self.till_ids = [till.id for till in tills]
        self._tokens = [till.token for till in tills]
        # Sales has to hear of the tills first.
        shop.settle()
        self._seen["shift_id"] = [shop.open_shift(Api(shop.http, token)) for token in self._tokens]

    def next_request(self) -> tuple[Request, str]:
        """A request, and the token of the till that sends it."""
        label = self._chance.choice(WRITING if self._chance.random() < 0.8 else READING)
        if (label == CLOSE and self._chance.random() < 0.8) or not self._seen["shift_id"]:
            label = OPEN
        operation = OPERATIONS[label]
        recipe = recipe_for(label)
        wanted = [parameter.name for parameter in operation.path_parameters]
        if all(self._seen[name] for name in wanted if name not in NAMED_BY_RECIPE) and self._chance.random() < 0.9:
            names = {name: self._any(name) for name in wanted if name not in NAMED_BY_RECIPE}
            names |= {"code": "CRUST", "local_currency": CURRENCY, "foreign_currency": "GBP"}
        else:
            names = recipe.names(self._shop)
        case = operation.Case(
            path_parameters={name: names[name] for name in wanted}, query=dict(recipe.query(self._shop))
        )
        body = recipe.body(self._shop, names)
        if body is not None:
            case.body = self._varied(label, body)
            case.media_type = "application/json"
        if self._chance.random() < 0.9:
            case.headers["Idempotency-Key"] = str(uuid4())
        return case, self._chance.choice(self._tokens)

    def learn(self, answer: Any) -> None:
        """Remember the ids in an answer, the latest of each kind."""
        if isinstance(answer, dict):
            for name, value in answer.items():
                # The shop's own shift stays open: other tests trade in it.
                if name.endswith("_id") and isinstance(value, str) and value != self._shop.shift_id:
                    self._seen[name] = [*self._seen[name], value][-MOST_KEPT:]
                self.learn(value)
        elif isinstance(answer, list):
            for each in answer:
                self.learn(each)

    def _any(self, name: str) -> str:
        return self._chance.choice(self._seen[name])

    def _varied(self, label: str, body: Json) -> Json:
        body = dict(body)
        if label.endswith("/tenders"):
            body |= self._tender()
        if label.endswith("/lines"):
            body = self._line()
        if label == "POST /sales/v1/sales":
            body["lines"] = [self._line() for _ in range(self._chance.randrange(1, 4))]
            body["tenders"] = [self._tender() for _ in range(self._chance.randrange(0, 3))]
        if "approval" not in body and self._chance.random() < 0.1:
            body["version"] = self._chance.randrange(1, 6)
        return body

    def _line(self) -> Json:
        goods = self._chance.choice((self._shop.bread, self._shop.wine, self._shop.apples))
        line: Json = {"product_id": goods, "quantity": self._chance.choice(("1", "3", "0.250", "-1", "-0.5", "999999"))}
        if self._seen["sale_id"] and self._seen["line_id"] and self._chance.random() < 0.4:
            line["returns"] = {"sale_id": self._any("sale_id"), "line_id": self._any("line_id"), "reason": "Broken"}
        if self._chance.random() < 0.3:
            line |= {"price_override_minor": self._chance.choice((0, 1, 10**12)), "price_override_reason": "Torn"}
        return line

    def _tender(self) -> Json:
        amount = self._chance.choice((1, 259, 10_000, -259, -10_000, 10**12))
        tender: Json = {"kind": self._chance.choice(("cash", "voucher", "cheque", "card", "gift_card"))}
        tender["given_minor" if tender["kind"] == "cash" else "amount_minor"] = amount
        if self._seen["tender_id"] and self._chance.random() < 0.3:
            tender["original_tender_id"] = self._any("tender_id")
        return tender


@pytest.mark.parametrize("seed", SEEDS)
def test_requests_in_any_order_keep_to_the_documents(seed: int, shop: LivingShop) -> None:
    walk = Walk(shop, seed)
    findings = Findings()
    with requests.Session() as session:
        for _ in range(STEPS):
            case, token = walk.next_request()
            response = case.call(base_url=shop.url, session=session, headers={"Authorization": f"Bearer {token}"})
            findings.check(case, response)
            if response.status_code < 300 and response.content.startswith(b"{"):
                walk.learn(response.json())
    findings.report()
    for till_id in walk.till_ids:
        held = shop.office("GET", f"/sales/v1/tills/{till_id}/continuity")
        assert held["missing_count"] == 0, held["answer"]
    done = sum(count for status, count in findings.answers.items() if status < 300)
    assert done > STEPS // 5, findings.answers
