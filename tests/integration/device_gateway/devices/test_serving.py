"""A simulated device on a pseudo-terminal and on a TCP port, with every fault of a line."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from device_gateway.simulators import (
    AnswerLostAfterEffect,
    CutAnswerAtByte,
    CutAtByte,
    Fault,
    Faults,
    Garbage,
    LateAnswer,
    NoAnswer,
    Reply,
    Simulator,
    serving,
)
from device_gateway.simulators.addresses import WrongListenAddress
from device_gateway.simulators.ports import PortInUse
from tests.integration.device_gateway.devices.patience import until

ANSWERED_WITHIN_S = 5.0


class Echo(Simulator):
    """Answers what it heard, in capitals; remembers what it heard and that it lost its line."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(Faults(faults))
        self.heard = b""
        self.losses = 0

    def received(self, data: bytes) -> Sequence[Reply]:
        self.heard += data
        return (Reply(data.upper()), Reply(b"done", after_effect=True))

    def disconnected(self) -> None:
        self.losses += 1


@contextmanager
def tcp(address: str) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])), ANSWERED_WITHIN_S) as line:
        yield line


def said(line: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length and (piece := line.recv(length - len(data))):
        data += piece
    return data


def test_a_pseudo_terminal_carries_every_byte_value_both_ways() -> None:
    class Mirror(Simulator):
        def received(self, data: bytes) -> Sequence[Reply]:
            return (Reply(data),)

    with serving(Mirror(), "pty") as address:
        line = os.open(address, os.O_RDWR | os.O_NOCTTY)
        os.write(line, bytes(range(256)))
        got = b""
        while len(got) < 256:
            assert select.select([line], [], [], ANSWERED_WITHIN_S)[0]
            got += os.read(line, 256)
        os.close(line)
    assert got == bytes(range(256))


def test_a_link_names_the_pseudo_terminal_and_goes_with_it(tmp_path: Path) -> None:
    link = tmp_path / "scale"
    echo = Echo()
    with serving(echo, f"pty:{link}") as address:
        assert address == str(link)
        assert os.readlink(link).startswith("/dev/")
        assert echo.line is not None
        echo.line.unplug()
        assert not link.is_symlink()
        echo.line.plug_in()
        assert link.exists()
    assert not link.is_symlink()


def test_tcp_serves_one_connection_after_the_other() -> None:
    echo = Echo()
    with serving(echo, "tcp://127.0.0.1:0") as address:
        for text in (b"one", b"two"):
            with tcp(address) as line:
                line.sendall(text)
                assert said(line, 7) == text.upper() + b"done"
        until(lambda: echo.losses == 2)


def test_an_unplugged_tcp_device_refuses_and_comes_back_at_the_same_port() -> None:
    echo = Echo()
    with serving(echo, "tcp://127.0.0.1:0") as address:
        assert echo.line is not None
        echo.line.unplug()
        with pytest.raises(ConnectionRefusedError), tcp(address):
            pass
        echo.line.plug_in()
        with tcp(address) as line:
            line.sendall(b"a")
            assert said(line, 5) == b"Adone"


def test_the_port_of_an_unplugged_device_is_given_to_nobody_else() -> None:
    simulator = Echo()
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        assert simulator.line is not None
        simulator.line.unplug()
        with pytest.raises(PortInUse), serving(Echo(), address):
            pass
        simulator.line.plug_in()
        with tcp(address) as line:
            line.sendall(b"a")
            assert said(line, 5) == b"Adone"


def test_no_answer_hears_and_does_nothing() -> None:
    echo = Echo(NoAnswer())
    with serving(echo, "tcp://127.0.0.1:0") as address, tcp(address) as line:
        line.sendall(b"a")
        line.settimeout(0.1)
        with pytest.raises(TimeoutError):
            line.recv(1)
        assert echo.heard == b""


def test_a_late_answer_comes_after_its_delay() -> None:
    with serving(Echo(LateAnswer(0.15)), "tcp://127.0.0.1:0") as address, tcp(address) as line:
        before = time.monotonic()
        line.sendall(b"a")
        assert said(line, 5) == b"Adone"
        assert time.monotonic() - before >= 0.15


def test_an_answer_lost_after_the_effect_leaves_the_effect_and_other_answers() -> None:
    echo = Echo(AnswerLostAfterEffect())
    with serving(echo, "tcp://127.0.0.1:0") as address, tcp(address) as line:
        line.sendall(b"a")
        assert said(line, 1) == b"A"
        line.settimeout(0.1)
        with pytest.raises(TimeoutError):
            line.recv(1)
    assert echo.heard == b"a"


@pytest.mark.parametrize("byte", [0, 1, 4, 5])
def test_a_cable_cut_at_byte_n_lets_exactly_n_bytes_through_once(byte: int) -> None:
    echo = Echo(CutAtByte(byte))
    with serving(echo, "tcp://127.0.0.1:0", back_after_s=0.0) as address:
        with tcp(address) as line:
            line.sendall(b"abcde")
            with pytest.raises(ConnectionResetError):
                said(line, 100)
        assert echo.heard == b"abcde"[:byte]
        until(lambda: echo.losses == 1)
        until(lambda: _connects(address))
        with tcp(address) as line:
            line.sendall(b"fghij")
            assert said(line, 9) == b"FGHIJdone"


def _connects(address: str) -> bool:
    try:
        with tcp(address):
            return True
    except ConnectionRefusedError:
        return False


def test_a_cut_pseudo_terminal_is_gone_for_who_has_it_open(tmp_path: Path) -> None:
    with serving(Echo(CutAtByte(2)), f"pty:{tmp_path / 'line'}", back_after_s=None) as address:
        line = os.open(address, os.O_RDWR | os.O_NOCTTY)
        os.write(line, b"abc")
        until(lambda: not os.path.lexists(address))
        until(lambda: os.read(line, 100) == b"")
        os.close(line)


def test_an_answer_cut_at_byte_n_arrives_up_to_there() -> None:
    with serving(Echo(CutAnswerAtByte(2)), "tcp://127.0.0.1:0", back_after_s=None) as address, tcp(address) as line:
        line.sendall(b"abc")
        assert said(line, 2) == b"AB"
        with pytest.raises(ConnectionResetError):
            line.recv(1)


def test_a_cable_is_cut_again_when_it_is_given_another_fault() -> None:
    echo = Echo(CutAtByte(2))
    with serving(echo, "tcp://127.0.0.1:0", back_after_s=0.0) as address:
        for _ in range(2):
            lost_before = echo.losses
            with tcp(address) as line:
                line.sendall(b"abc")
                with pytest.raises(ConnectionResetError):
                    said(line, 100)
            # Until it is noticed the old port still listens, and whoever connects to it is cut off with it.
            until(lambda before=lost_before: echo.losses > before)  # type: ignore[misc]
            until(lambda: _connects(address))
            assert echo.line is not None
            echo.faults = Faults([CutAtByte(echo.line.heard_bytes + 2)])
        assert echo.heard == b"abab"


def test_who_hangs_up_before_the_cable_is_cut_finds_a_device_that_speaks() -> None:
    echo = Echo(CutAnswerAtByte(2))
    with serving(echo, "tcp://127.0.0.1:0", back_after_s=0.0) as address:
        with tcp(address) as line:
            line.sendall(b"a")
            assert said(line, 2) == b"Ad"
        until(lambda: echo.losses == 1)
        with tcp(address) as line:
            line.sendall(b"b")
            assert said(line, 5) == b"Bdone"


def test_garbage_is_as_long_as_the_answer_and_something_else() -> None:
    with serving(Echo(Garbage()), "tcp://127.0.0.1:0") as address, tcp(address) as line:
        line.sendall(b"hello")
        noise = said(line, 9)
    assert len(noise) == 9
    assert noise != b"HELLOdone"


def test_faults_can_be_lifted_while_it_is_served() -> None:
    echo = Echo(NoAnswer())
    with serving(echo, "tcp://127.0.0.1:0") as address, tcp(address) as line:
        echo.faults = Faults()
        line.sendall(b"a")
        assert said(line, 5) == b"Adone"


def test_a_device_may_speak_unasked() -> None:
    echo = Echo()
    with serving(echo, "pty") as address:
        line = os.open(address, os.O_RDWR | os.O_NOCTTY)
        echo.say(Reply(b"5901234123457\r"))
        assert select.select([line], [], [], ANSWERED_WITHIN_S)[0]
        assert os.read(line, 100) == b"5901234123457\r"
        os.close(line)


@pytest.mark.parametrize(
    "listen", ["", "ptyx", "tcp://0.0.0.0:9100", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "pty:"]
)
def test_a_wrong_place_to_listen_is_refused_with_the_right_ones(listen: str) -> None:
    with (
        pytest.raises(WrongListenAddress, match=r"write pty, pty:path/of/a/link, or tcp://127.0.0.1:9100"),
        serving(Echo(), listen),
    ):
        pass


def test_a_port_in_use_is_refused_in_a_sentence() -> None:
    in_use = r"cannot be had \(Address already in use\): choose another, or 0\."
    with (
        serving(Echo(), "tcp://127.0.0.1:0") as address,
        pytest.raises(PortInUse, match=in_use),
        serving(Echo(), address),
    ):
        pass
