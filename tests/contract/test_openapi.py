"""Every operation of every service, called with what its OpenAPI document allows and with what it forbids."""

from __future__ import annotations

import os

import pytest
import requests

from tests.contract.documents import OPERATIONS
from tests.contract.findings import Findings
from tests.contract.living_shop import LivingShop
from tests.contract.recipes import recipe_for
from tests.contract.requests_sent import Fitter, boundary_cases, random_cases, was_generated_wrong

# Schemathesis draws from `random` while it generates; what it generates is the same in every run.
pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")

RANDOM_CASES = int(os.environ.get("TILLSTREAM_FUZZ_EXAMPLES", "5"))
BOUNDARY_CASES = 5 * RANDOM_CASES


@pytest.mark.parametrize("label", OPERATIONS)
def test_operation_keeps_to_its_document(label: str, shop: LivingShop) -> None:
    operation = OPERATIONS[label]
    recipe = recipe_for(operation.label)
    token = recipe.token(shop)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    fitter = Fitter(shop, recipe)
    findings = Findings()
    cases = [
        fitter.right(operation),
        *boundary_cases(operation, BOUNDARY_CASES),
        *random_cases(operation, RANDOM_CASES),
    ]
    with requests.Session() as session:
        for index, case in enumerate(cases):
            must_be_refused = was_generated_wrong(case)
            if index > 0:
                fitter.fit(case)
            response = case.call(base_url=shop.url, session=session, headers=headers)
            findings.check(case, response, must_be_refused=must_be_refused)
            if response.status_code < 400:
                fitter.succeeded()
            elif index == 0 and not recipe.never:
                findings.add("right request", "was refused", case, response)
    findings.report()
