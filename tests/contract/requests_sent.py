"""What is sent to an operation: generated from its document, laid over a request that is right."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import uuid4

import hypothesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import REQUEST_SHAPE_PROBES, CoveragePhaseData, CoverageScenario

from tests.contract.documents import Operation, Request
from tests.contract.living_shop import CURRENCY, LivingShop
from tests.contract.recipes import Names, Recipe

# A method that a path does not have is refused by the same code everywhere, and tested there.
LEFT_OUT = {CoverageScenario.UNSPECIFIED_HTTP_METHOD}
# An unknown query parameter is passed over, as everywhere in the web; an unknown member of a body is refused.
PASSED_OVER = {ParameterLocation.QUERY, ParameterLocation.HEADER}


def boundary_cases(operation: Operation, most: int) -> list[Request]:
    """Cases at the edges of each field, right and wrong; `most` of them, spread evenly."""
    schema = operation.schema
    cases = [
        case
        for case in schema.iter_coverage_cases(
            operation, generation_modes=list(GenerationMode), generation_config=schema.config.generation
        )
        if _scenario(case) not in LEFT_OUT and not _adds_what_is_passed_over(case)
    ]
    step = max(1.0, len(cases) / most)
    return [cases[int(index * step)] for index in range(min(most, len(cases)))]


def random_cases(operation: Operation, count: int) -> list[Request]:
    """`count` cases, the same in every run, half of them wrong somewhere."""
    cases: list[Request] = []
    for mode in GenerationMode:

        @hypothesis.settings(
            max_examples=max(1, count // len(GenerationMode)),
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def collect(case: Request) -> None:
            cases.append(case)

        try:
            collect()
        except hypothesis.errors.Unsatisfiable:
            # An operation without parameters and body cannot be called wrongly.
            continue
    return cases


class Fitter:
    """Makes generated cases fit the living shop: names what exists, and mixes generated bodies with right ones."""

    def __init__(self, shop: LivingShop, recipe: Recipe) -> None:
        self._shop = shop
        self._recipe = recipe
        self._names: Names | None = None
        self._count = 0
        self._known = {
            "product_id": shop.bread,
            "store_id": shop.store_id,
            "till_id": shop.first.id,
            "shift_id": shop.shift_id,
            "currency": CURRENCY,
            "price_list": "retail",
            "tax_category": "standard",
            "product_ids": [shop.bread],
            "store_ids": [shop.store_id],
        }

    def names(self) -> Names:
        """What the path names; the same until it is spent."""
        if self._names is None:
            self._names = self._recipe.names(self._shop)
        return self._names

    def succeeded(self) -> None:
        """A request did what it says."""
        if self._recipe.spent:
            self._names = None

    def right(self, operation: Operation) -> Request:
        """The request that is right in all."""
        names = self.names()
        case = operation.Case(
            path_parameters=_only(names, operation.path_parameters), query=self._recipe.query(self._shop)
        )
        body = self._recipe.body(self._shop, names)
        if body is not None:
            case.body = body
            case.media_type = "text/csv" if isinstance(body, bytes) else "application/json"
        self._add_key(case)
        return case

    def fit(self, case: Request) -> None:
        """Change `case` in place. One in four right parts stays as it was generated."""
        self._count += 1
        as_generated = self._count % 4 == 3
        names = self.names()
        if _is_right(case, ParameterLocation.PATH) and case.path_parameters and not as_generated:
            case.path_parameters = {**case.path_parameters, **_only(names, case.operation.path_parameters)}
        if _is_right(case, ParameterLocation.QUERY) and not as_generated:
            query = {name: self._known.get(name, value) for name, value in case.query.items() if value is not None}
            case.query = {**query, **self._recipe.query(self._shop)}
        if _is_right(case, ParameterLocation.HEADER) and not as_generated:
            for name in ("If-Match", "Idempotency-Key"):
                case.headers.pop(name, None)
            self._add_key(case)
        if isinstance(case.body, dict | str | bytes) and _is_right(case, ParameterLocation.BODY):
            case.body = self._body(case.body, names, as_generated=as_generated)

    def _body(self, generated: Any, names: Names, *, as_generated: bool) -> Any:
        right = self._recipe.body(self._shop, names)
        if isinstance(right, bytes):
            return generated if as_generated else right
        if not isinstance(right, dict) or not isinstance(generated, dict):
            return generated
        if as_generated:
            return self._with_known(generated)
        if self._count % 4 == 0 and generated:
            name = sorted(generated)[self._count // 4 % len(generated)]
            return {**right, name: _laid_over(right.get(name), generated[name], self._known)}
        chance = Random(self._count)
        kept = {name: value for name, value in sorted(generated.items()) if chance.random() < 0.5}
        return _laid_over(right, kept, self._known)

    def _with_known(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._known.get(name, self._with_known(part)) for name, part in value.items()}
        return [self._with_known(part) for part in value] if isinstance(value, list) else value

    def _add_key(self, case: Request) -> None:
        if any(parameter.name == "idempotency-key" for parameter in case.operation.headers):
            case.headers["Idempotency-Key"] = str(uuid4())


def _laid_over(right: Any, generated: Any, known: dict[str, Any]) -> Any:
    if isinstance(right, dict) and isinstance(generated, dict):
        merged = dict(right)
        for name, value in generated.items():
            merged[name] = known[name] if name in known else _laid_over(right.get(name), value, known)
        return merged
    if isinstance(right, list) and isinstance(generated, list) and right and generated:
        return [_laid_over(right[0], generated[0], known), *generated[1:]]
    return generated


def was_generated_wrong(case: Request) -> bool:
    """Whether it breaks the document somewhere: such a request has to be refused."""
    return case.meta is not None and case.meta.generation.mode is GenerationMode.NEGATIVE


def _scenario(case: Request) -> CoverageScenario | None:
    data = case.meta.phase.data if case.meta else None
    return data.scenario if isinstance(data, CoveragePhaseData) else None


def _adds_what_is_passed_over(case: Request) -> bool:
    return (
        _scenario(case) is CoverageScenario.OBJECT_UNEXPECTED_PROPERTIES
        and case.meta is not None
        and case.meta.phase.data.parameter_location in PASSED_OVER
    )


def _is_right(case: Request, location: ParameterLocation) -> bool:
    if _scenario(case) in REQUEST_SHAPE_PROBES | {CoverageScenario.MISSING_PARAMETER}:
        return location is ParameterLocation.PATH
    component = case.meta.components.get(location) if case.meta else None
    return component is None or component.mode is GenerationMode.POSITIVE


def _only(names: Names, parameters: Any) -> Names:
    return {parameter.name: names[parameter.name] for parameter in parameters if parameter.name in names}
