"""How `make bench` judges a figure by the budget beside it."""

from __future__ import annotations

import pytest

from tests.bench.__main__ import Judged, benchmarks, judge


def verdicts(measured: dict[str, float]) -> dict[str, bool | None]:
    return {each.name: each.met for each in judge("x", measured)}


def test_a_ratio_must_reach_its_budget_and_a_time_must_not_exceed_it() -> None:
    assert verdicts({"ratio": 0.2, "budget_ratio": 0.2, "start_s": 8.1, "budget_start_s": 8}) == {
        "ratio": True,
        "start_s": False,
    }


def test_a_budget_may_say_its_direction() -> None:
    measured = {"z_ratio": 1.4, "budget_at_most_z_ratio": 2, "rate": 90, "budget_at_least_rate": 100}
    assert verdicts(measured) == {"z_ratio": True, "rate": False}


def test_a_budget_named_for_a_unit_judges_the_first_figure_in_it() -> None:
    assert judge("x", {"median_ms": 1.5, "p99_ms": 3.0, "budget_ms": 2.0}) == [
        Judged("x", "median_ms", 1.5, 2.0, at_least=False),
        Judged("x", "p99_ms", 3.0, None, at_least=True),
    ]


def test_a_figure_without_budget_is_shown_and_not_judged() -> None:
    assert verdicts({"rate": 90}) == {"rate": None}


def test_a_budget_that_judges_nothing_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="budget_speed judges nothing"):
        judge("x", {"rate": 90, "budget_speed": 1})


def test_every_module_with_a_run_is_a_benchmark() -> None:
    assert {"cold_start", "messaging", "pricing", "sales"} <= set(benchmarks())
    assert "bare_sales" not in benchmarks()
