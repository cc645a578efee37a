"""Scale drivers against their simulators, over pseudo-terminals and TCP, with every fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from device_gateway.domain.observations import Weighing, WeightState
from device_gateway.drivers.interface import DeviceAbsent, DeviceError, DeviceMisconfigured, Scale
from device_gateway.drivers.scale.adam.driver import NO_NEW_WEIGHT
from device_gateway.drivers.scale.adam.driver import driver as adam_driver
from device_gateway.drivers.scale.adam.simulator import AdamSimulator, AdamSimulatorOptions
from device_gateway.drivers.scale.mettler_8217.driver import driver as mettler_driver
from device_gateway.drivers.scale.mettler_8217.simulator import Mettler8217Simulator, Mettler8217SimulatorOptions
from device_gateway.drivers.scale.weights import WeightUnit
from device_gateway.simulators import CutAnswerAtByte, CutAtByte, Faults, Garbage, LateAnswer, NoAnswer, serving
from tests.integration.device_gateway.devices.patience import polled, told, told_at_the_end, until

QUICK_METTLER = {"ask_every_s": 0.05, "answer_timeout_s": 0.3, "command_delay_s": 0.02}
QUICK_ADAM = {"ask_every_s": 0.05, "answer_timeout_s": 0.1, "command_delay_s": 0.02, "weight_kept_s": 0.2}
EMPTY = Weighing(WeightState.ZERO)
LISTEN = ["pty", "tcp://127.0.0.1:0"]


def stable(gross_g: int, tare_g: int = 0) -> Weighing:
    return Weighing(WeightState.STABLE, gross_g=gross_g, tare_g=tare_g, net_g=gross_g - tare_g)


@contextmanager
def mettler(line: str, **options: Any) -> Iterator[Scale]:
    device = mettler_driver.open_device(
        mettler_driver.options.model_validate({"address": line, **QUICK_METTLER, **options})
    )
    try:
        yield device  # type: ignore[misc]
    finally:
        device.close()


@contextmanager
def adam(line: str, **options: Any) -> Iterator[Scale]:
    device = adam_driver.open_device(adam_driver.options.model_validate({"address": line, **QUICK_ADAM, **options}))
    try:
        yield device  # type: ignore[misc]
    finally:
        device.close()


@pytest.mark.parametrize("listen", LISTEN)
def test_a_changed_weight_is_told_once(listen: str) -> None:
    simulator = Mettler8217Simulator()
    with serving(simulator, listen) as address, mettler(address) as scale:
        assert told(scale) == [EMPTY]
        simulator.typed("1.25 kg")
        assert told(scale) == [stable(1250)]
        assert polled(scale, 0.2) == []
        simulator.typed("empty")
        assert told(scale) == [EMPTY]


@pytest.mark.parametrize(
    ("typed", "state"),
    [
        ("moving", WeightState.MOVING),
        ("-30", WeightState.BELOW_ZERO),
        ("15001", WeightState.OVER_CAPACITY),
        ("0", WeightState.ZERO),
    ],
)
def test_only_a_stable_positive_weight_may_be_sold(typed: str, state: WeightState) -> None:
    simulator = Mettler8217Simulator()
    with serving(simulator) as address, mettler(address) as scale:
        simulator.typed("500")
        assert scale.weigh().may_be_sold
        simulator.typed(typed)
        weighing = scale.weigh()
        assert weighing.state is state
        assert not weighing.may_be_sold
        assert weighing.net_g is None


def test_a_container_is_tared_on_the_scale_and_gross_tare_and_net_are_known() -> None:
    simulator = Mettler8217Simulator()
    with serving(simulator) as address, mettler(address) as scale:
        simulator.typed("30")
        scale.tare(None)
        assert simulator.tare_g == 30
        assert scale.weigh() == EMPTY
        simulator.typed("1280")
        assert scale.weigh() == stable(1280, tare_g=30)
        simulator.typed("20")
        assert scale.weigh().state is WeightState.BELOW_ZERO
        scale.tare(0)
        assert scale.weigh() == stable(20)


def test_a_second_container_is_tared_anew() -> None:
    simulator = Mettler8217Simulator()
    with serving(simulator) as address, mettler(address) as scale:
        for container_g in (30, 80):
            simulator.load.gross_g = container_g
            scale.tare(None)
            simulator.load.gross_g = container_g + 500
            assert scale.weigh() == stable(container_g + 500, tare_g=container_g)


def test_a_known_tare_needs_no_container() -> None:
    simulator = Mettler8217Simulator()
    with serving(simulator) as address, mettler(address) as scale:
        scale.tare(12)
        simulator.typed("512")
        assert scale.weigh() == stable(512, tare_g=12)
        simulator.typed("11")
        assert scale.weigh().state is WeightState.BELOW_ZERO


def test_a_moving_container_is_not_tared() -> None:
    simulator = Mettler8217Simulator()
    with serving(simulator) as address, mettler(address) as scale:
        simulator.typed("moving")
        with pytest.raises(DeviceError, match="wait until the weight rests"):
            scale.tare(None)
        assert simulator.tare_g == 0


def test_an_almost_empty_scale_is_set_to_zero_and_a_loaded_one_refuses() -> None:
    simulator = Mettler8217Simulator()
    with serving(simulator) as address, mettler(address, command_delay_s=0.3) as scale:
        simulator.typed("4")
        scale.zero()
        assert scale.weigh() == EMPTY
        simulator.typed("5000")
        with pytest.raises(DeviceError, match="take everything off it and try again"):
            scale.zero()


def test_a_scale_set_to_grams_is_read_in_grams() -> None:
    simulator = Mettler8217Simulator(Mettler8217SimulatorOptions(unit=WeightUnit.GRAM))
    with serving(simulator) as address, mettler(address, unit="g") as scale:
        simulator.typed("1250")
        assert scale.weigh() == stable(1250)


def test_grams_taken_for_kilograms_are_a_fault_and_never_sold() -> None:
    simulator = Mettler8217Simulator(Mettler8217SimulatorOptions(unit=WeightUnit.GRAM))
    with serving(simulator) as address, mettler(address, unit="kg") as scale:
        simulator.typed("1250")
        weighing = scale.weigh()
        assert weighing.state is WeightState.FAULT
        assert "which no shop's scale can carry: check its unit" in weighing.detail


def test_a_scale_without_echo_mode_is_found_by_its_answer() -> None:
    simulator = Mettler8217Simulator(Mettler8217SimulatorOptions(echo=False))
    with serving(simulator) as address, mettler(address) as scale:
        assert told(scale) == [EMPTY]


def test_a_scale_that_is_switched_off_is_absent_at_opening_and_later() -> None:
    simulator = Mettler8217Simulator()
    with serving(simulator) as address:
        with mettler(address) as scale:
            simulator.faults = Faults([NoAnswer()])
            _, error = told_at_the_end(scale)
        assert isinstance(error, DeviceAbsent)
        assert str(error) == "The scale does not answer. Switch it on and check its cable."
        with pytest.raises(DeviceAbsent, match="The scale does not answer"), mettler(address):
            pass


def test_noise_is_said_to_be_a_wrong_setting() -> None:
    simulator = Mettler8217Simulator(faults=Faults([Garbage()]))
    with (
        serving(simulator) as address,
        pytest.raises(DeviceMisconfigured, match="protocol 8217 with 9600 baud, 7 data bits and even parity"),
        mettler(address),
    ):
        pass


def test_a_late_answer_is_waited_for_and_belongs_to_its_question() -> None:
    simulator = Mettler8217Simulator()
    with serving(simulator) as address, mettler(address) as scale:
        simulator.faults = Faults([LateAnswer(0.15)])
        for grams in (100, 200, 300):
            simulator.load.gross_g = grams
            assert scale.weigh() == stable(grams)


def test_an_answer_too_late_is_never_taken_for_the_next_ones() -> None:
    simulator = Mettler8217Simulator()
    with serving(simulator) as address:
        with mettler(address) as scale:
            simulator.faults = Faults([LateAnswer(0.4)])
            simulator.load.gross_g = 100
            with pytest.raises(DeviceAbsent):
                scale.weigh()
        simulator.faults = Faults()
        simulator.load.gross_g = 200
        with mettler(address, answer_timeout_s=1.0) as scale:
            # While the late answer comes in.
            weights = {scale.weigh() for _ in range(10)} | set(polled(scale, 0.5))
        assert weights == {stable(200)}


@pytest.mark.parametrize("byte", range(9))
def test_a_cable_cut_inside_an_answer_yields_no_weight(byte: int, tmp_path: Path) -> None:
    # The probe's answer has 8 bytes, the weight's 8 with start and end.
    simulator = Mettler8217Simulator(faults=Faults([CutAnswerAtByte(8 + byte)]))
    simulator.typed("12.345 kg")
    with serving(simulator, f"pty:{tmp_path / 'scale'}", back_after_s=0.01) as address:
        with mettler(address) as scale:
            found, error = told_at_the_end(scale)
        assert isinstance(error, DeviceAbsent)
        assert found == ([stable(12_345)] if byte == 8 else [])
        until(lambda: Path(address).exists())
        with mettler(address) as scale:
            assert told(scale) == [stable(12_345)]


def test_a_cable_cut_before_a_question_arrives_is_absent() -> None:
    simulator = Mettler8217Simulator(faults=Faults([CutAtByte(8)]))
    with serving(simulator, "tcp://127.0.0.1:0", back_after_s=None) as address, mettler(address) as scale:
        _, error = told_at_the_end(scale)
        assert isinstance(error, DeviceAbsent)


@pytest.mark.parametrize("listen", LISTEN)
def test_an_adam_tells_a_new_weight_and_that_it_holds_no_longer(listen: str) -> None:
    simulator = AdamSimulator()
    with serving(simulator, listen) as address, adam(address) as scale:
        simulator.typed("1250")
        assert told(scale)[-1] == stable(1250)
        assert told(scale) == [NO_NEW_WEIGHT]
        assert polled(scale, 0.2) == []
        simulator.typed("300")
        assert told(scale) == [stable(300)]


def test_an_adams_weight_is_given_out_once() -> None:
    simulator = AdamSimulator()
    with serving(simulator) as address, adam(address, weight_kept_s=30) as scale:
        simulator.typed("1250")
        assert told(scale)[-1] == stable(1250)
        assert scale.weigh() == stable(1250)
        # The goods may have been taken away since: the scale would not say so.
        assert scale.weigh() == NO_NEW_WEIGHT
        assert not scale.weigh().may_be_sold
        simulator.typed("300")
        assert scale.weigh() == stable(300)


def test_an_adams_weight_is_not_asked_for_again_while_it_holds() -> None:
    simulator = AdamSimulator()
    with serving(simulator) as address, adam(address, weight_kept_s=30) as scale:
        simulator.typed("1250")
        assert told(scale)[-1] == stable(1250)
        simulator.typed("300")
        assert polled(scale, 0.3) == []


def test_an_adam_tares_and_forgets_the_tare() -> None:
    simulator = AdamSimulator()
    with serving(simulator) as address, adam(address) as scale:
        simulator.typed("30")
        scale.tare(None)
        simulator.typed("1280")
        assert scale.weigh() == stable(1280, tare_g=30)
        simulator.typed("empty")
        scale.tare(0)
        simulator.typed("500")
        assert scale.weigh() == stable(500)
        scale.tare(20)
        simulator.typed("400")
        assert scale.weigh() == stable(400, tare_g=20)


def test_an_adam_tares_only_what_it_has_weighed() -> None:
    refused = pytest.raises(DeviceError, match="put it on the scale, and wait until the weight rests")
    with serving(AdamSimulator()) as address, adam(address) as scale, refused:
        scale.tare(None)


def test_an_adam_says_below_zero_and_unstable() -> None:
    simulator = AdamSimulator(AdamSimulatorOptions(label="US,"))
    with serving(simulator) as address, adam(address) as scale:
        simulator.typed("100")
        assert scale.weigh().state is WeightState.MOVING
    simulator = AdamSimulator()
    with serving(simulator) as address, adam(address) as scale:
        simulator.typed("-100")
        assert scale.weigh().state is WeightState.BELOW_ZERO


def test_a_silent_adam_has_no_weight_to_sell() -> None:
    with serving(AdamSimulator(faults=Faults([NoAnswer()]))) as address, adam(address) as scale:
        assert scale.weigh() == NO_NEW_WEIGHT


def test_an_adam_that_sends_noise_is_said_to_be_set_wrong() -> None:
    simulator = AdamSimulator(faults=Faults([Garbage()]))
    options = {"largest_unreadable": 2, "ask_every_s": 0.05, "answer_timeout_s": 0.02, "weight_kept_s": 0.01}
    with serving(simulator) as address, adam(address, **options) as scale:
        for _ in range(40):
            simulator.load.gross_g += 1
            simulator.say(*simulator.received(b"P\r\n"))
        _, error = told_at_the_end(scale)
    assert isinstance(error, DeviceMisconfigured)
    assert str(error) == (
        "The scale sends nothing readable: set it to 4800 baud, 8 data bits, no parity, and to print the weight in kg."
    )


@pytest.mark.parametrize("byte", range(1, 13))
def test_an_adams_answer_cut_anywhere_is_no_other_weight(byte: int, tmp_path: Path) -> None:
    simulator = AdamSimulator(faults=Faults([CutAnswerAtByte(byte)]))
    simulator.typed("12.345 kg")
    with serving(simulator, f"pty:{tmp_path / 'scale'}", back_after_s=None) as address, adam(address) as scale:
        found, error = told_at_the_end(scale)
    assert isinstance(error, DeviceAbsent)
    assert [one for one in found if one != NO_NEW_WEIGHT] == ([stable(12_345)] if byte >= 12 else [])


@pytest.mark.parametrize("text", ["heavy", "1.2345 kg", "1.5", "", "1 lb"])
def test_what_cannot_lie_on_a_scale_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"Type a load, such as 1250|A load is whole grams"):
        Mettler8217Simulator().typed(text)
