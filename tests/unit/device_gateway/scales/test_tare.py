"""Gross, tare and net."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from device_gateway.domain.observations import Weighing, WeightState
from device_gateway.drivers.scale.tare import Tare


def test_without_a_tare_net_is_gross() -> None:
    assert Tare().weighing(1250, net=False) == Weighing(WeightState.STABLE, gross_g=1250, tare_g=0, net_g=1250)


def test_a_tare_that_the_scale_took_is_added_to_the_gross() -> None:
    tare = Tare()
    tare.taken_by_scale(30)
    assert tare.weighing(1250, net=True) == Weighing(WeightState.STABLE, gross_g=1280, tare_g=30, net_g=1250)


def test_a_known_tare_is_taken_off() -> None:
    tare = Tare()
    tare.known(30)
    assert tare.weighing(1250, net=False) == Weighing(WeightState.STABLE, gross_g=1250, tare_g=30, net_g=1220)


def test_a_tare_taken_at_the_scales_own_key_leaves_gross_unknown() -> None:
    assert Tare().weighing(1250, net=True).net_g == 1250
    tare = Tare()
    tare.taken_by_scale(None)
    assert tare.weighing(1250, net=True) == Weighing(WeightState.STABLE, net_g=1250)


def test_less_than_the_tare_cannot_be_sold() -> None:
    tare = Tare()
    tare.known(30)
    assert tare.weighing(29, net=False).state is WeightState.BELOW_ZERO
    assert tare.weighing(30, net=False).state is WeightState.ZERO
    assert tare.weighing(0, net=False).state is WeightState.BELOW_ZERO


def test_a_cleared_tare_is_gone() -> None:
    tare = Tare()
    tare.taken_by_scale(30)
    tare.known(10)
    tare.cleared()
    assert not tare.on_scale
    assert tare.weighing(100, net=False).net_g == 100


@settings(deadline=None)
@given(st.integers(-10_000, 100_000), st.integers(0, 5_000), st.integers(0, 5_000), st.booleans())
def test_net_is_gross_less_tare_and_only_above_zero_sells(grams: int, on_scale: int, known: int, net: bool) -> None:
    tare = Tare()
    tare.taken_by_scale(on_scale)
    tare.known(known)
    weighing = tare.weighing(grams, net=net)
    if weighing.state is WeightState.STABLE:
        assert weighing.gross_g is not None
        assert weighing.tare_g is not None
        assert weighing.net_g == weighing.gross_g - weighing.tare_g
        assert weighing.net_g > 0
        assert weighing.may_be_sold
    else:
        assert (weighing.gross_g, weighing.tare_g, weighing.net_g) == (None, None, None)
        assert grams - known <= 0
