"""Splitting and rounding amounts so that parts sum to the whole."""

import pytest

from libs.money import allocate, round_to_sum


def test_rule_4_remainders_go_to_the_largest_and_ties_to_the_earlier() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(10, [1, 5, 3]) == [1, 6, 3]  # 1.11, 5.56, 3.33
    assert allocate(-100, [1, 1, 1]) == [-34, -33, -33]


def test_an_amount_over_weights_of_zero_goes_to_the_first() -> None:
    assert allocate(7, [0, 0]) == [7, 0]


@pytest.mark.parametrize("weights", [[], [1, -1]])
def test_an_amount_is_not_split_over_nothing_or_negative_weights(weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"weights|no parts"):
        allocate(1, weights)


def test_rule_3_rounded_parts_are_moved_to_reach_the_sum() -> None:
    assert round_to_sum(16, [515, 545, 535], 100) == [5, 6, 5]
    assert round_to_sum(-16, [-515, -545, -535], 100) == [-5, -6, -5]
    assert round_to_sum(15, [500, 1000], 100) == [5, 10]


def test_rounded_parts_of_both_signs() -> None:
    assert round_to_sum(1, [160, -90], 100) == [1, 0]
    assert round_to_sum(0, [160, -190], 100) == [1, -1]
    assert round_to_sum(2, [180, -10], 100) == [2, 0]
    assert round_to_sum(-2, [10, -180], 100) == [0, -2]


def test_a_sum_out_of_reach_is_refused() -> None:
    with pytest.raises(ValueError, match="9 is too far from the sum of the parts, 1060/100"):
        round_to_sum(9, [515, 545], 100)
