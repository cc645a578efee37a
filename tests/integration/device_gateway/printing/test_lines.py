"""Lines over real pseudo-terminals, sockets and files."""

from __future__ import annotations

import errno
import os
import pty
import socket
import stat
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import serial

from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured
from device_gateway.drivers.lines import LineBroken, LineStalled, open_line


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """The device's end of a pseudo-terminal and the path of the gateway's end."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    for descriptor in (ours, theirs):
        os.close(descriptor)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def _address(listener: socket.socket) -> str:
    return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def test_a_serial_device_hears_what_is_written_and_is_heard(terminal: tuple[int, str]) -> None:
    device, path = terminal
    line = open_line(path)
    line.write(b"\x1b@hello")
    assert os.read(device, 100) == b"\x1b@hello"
    os.write(device, b"\x12\x13\x00\xff")
    assert line.read(100, 1.0) == b"\x12\x13\x00\xff"
    line.close()


def test_reading_waits_for_the_time_given_and_no_longer(terminal: tuple[int, str]) -> None:
    line = open_line(terminal[1])
    began = time.monotonic()
    assert line.read(10, 0.05) == b""
    assert 0.05 <= time.monotonic() - began < 1.0
    line.close()


def test_a_read_gives_no_more_than_asked_for(terminal: tuple[int, str]) -> None:
    device, path = terminal
    line = open_line(path)
    os.write(device, b"abcdef")
    assert line.read(4, 1.0) == b"abcd"
    assert line.read(4, 1.0) == b"ef"
    line.close()


def test_a_serial_device_that_vanishes_is_absent_to_readers_and_writers() -> None:
    ours, theirs = pty.openpty()
    line = open_line(os.ttyname(theirs))
    os.close(ours)
    os.close(theirs)
    with pytest.raises(DeviceAbsent, match="is gone"):
        line.read(10, 1.0)
    with pytest.raises(LineBroken) as broken:
        line.write(b"x")
    assert broken.value.nothing_left
    line.close()


def test_a_serial_device_is_used_by_one_program_at_a_time(terminal: tuple[int, str]) -> None:
    with (
        serial.Serial(terminal[1], exclusive=True),
        pytest.raises(DeviceMisconfigured, match="in use by another program"),
    ):
        open_line(terminal[1])
    open_line(terminal[1]).close()


def test_a_device_that_takes_nothing_stalls_the_line_and_says_how_much_it_took(terminal: tuple[int, str]) -> None:
    device, path = terminal
    line = open_line(path, write_timeout_s=0.05)
    with pytest.raises(LineStalled) as stalled:
        line.write(bytes(1_000_000))
    taken = stalled.value.handed_over
    assert 0 < taken < 1_000_000
    assert not stalled.value.nothing_left
    os.set_blocking(device, False)
    heard = 0
    while heard < taken:
        heard += len(os.read(device, 65_536))
    assert heard == taken
    line.close()


@pytest.mark.parametrize("scheme", ["tcp", "socket"])
def test_a_device_in_the_network_hears_and_is_heard(listener: socket.socket, scheme: str) -> None:
    line = open_line(_address(listener).replace("tcp", scheme))
    device, _ = listener.accept()
    with device:
        line.write(b"ping")
        assert device.recv(100) == b"ping"
        device.sendall(b"pong")
        assert line.read(100, 1.0) == b"pong"
    with pytest.raises(DeviceAbsent, match="is gone"):
        line.read(100, 1.0)
    line.close()


def test_bytes_that_a_stopped_device_did_not_take_are_known_to_be_here(listener: socket.socket) -> None:
    line = open_line(_address(listener), write_timeout_s=0.05)
    device, _ = listener.accept()
    with device:
        assert line.unsent() == 0
        with pytest.raises(LineStalled):
            line.write(bytes(50_000_000))
        assert line.unsent() > 0
    line.close()


def test_a_refused_connection_says_what_to_look_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = _address(server)
    with pytest.raises(DeviceAbsent, match=r"refuses the connection. Check that the device is on"):
        open_line(address)


@pytest.mark.parametrize(
    "address",
    ["tcp://192.0.2.20", "tcp://:9100", "tcp://a:b", "tcp://host:99999", "tcp://h:1/path", "COM3", "", "printer"],
)
def test_an_address_that_is_none_is_answered_with_how_to_write_one(address: str) -> None:
    with pytest.raises(DeviceMisconfigured, match=r"tcp://192\.0\.2\.20:9100"):
        open_line(address)


def test_a_device_that_is_not_there_is_to_be_plugged_in(tmp_path: Path) -> None:
    with pytest.raises(DeviceAbsent, match="Plug it in"):
        open_line(str(tmp_path / "ttyUSB0"))


def test_an_ordinary_file_is_not_taken_for_a_device(tmp_path: Path) -> None:
    path = tmp_path / "receipts"
    path.write_bytes(b"")
    with pytest.raises(DeviceMisconfigured, match="put file: before its path"):
        open_line(str(path))


def test_a_character_device_without_a_speed_is_no_serial_port() -> None:
    with pytest.raises(DeviceMisconfigured, match="/dev/null is not a serial port"):
        open_line("/dev/null")


def test_no_permission_names_the_group_that_has_it(terminal: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, *_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    class Dialout(NamedTuple):
        gr_name: str = "dialout"

    monkeypatch.setattr("serial.serialposix.os.open", refuse)
    monkeypatch.setattr("device_gateway.drivers.lines.grp.getgrgid", lambda _: Dialout())
    with pytest.raises(DeviceMisconfigured, match=r"belongs to the group dialout\. Add the gateway's user to it"):
        open_line(terminal[1])


def test_a_file_is_written_at_its_end_and_never_answers(tmp_path: Path) -> None:
    path = tmp_path / "receipts.bin"
    for text in (b"one", b"two"):
        line = open_line(f"file:{path}")
        assert not line.answers
        line.write(text)
        assert line.read(10, 0.0) == b""
        line.close()
    assert path.read_bytes() == b"onetwo"
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


def test_a_file_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceMisconfigured, match="choose a path in a folder that exists"):
        open_line(f"file:{tmp_path}/missing/receipts.bin")


def test_a_closed_line_is_absent_and_closing_again_does_nothing(terminal: tuple[int, str]) -> None:
    line = open_line(terminal[1])
    line.close()
    line.close()
    with pytest.raises(DeviceAbsent, match="is closed"):
        line.write(b"x")
