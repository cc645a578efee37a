"""`tillstream simulate` as a program of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from device_gateway.domain.observations import Scan, Weighing, WeightState
from device_gateway.drivers.display.line_2x20.driver import LineDisplay
from device_gateway.drivers.display.line_2x20.driver import driver as display_driver
from device_gateway.drivers.manifests import FOLDER, read_manifest
from device_gateway.drivers.scale.mettler_8217.driver import Mettler8217
from device_gateway.drivers.scale.mettler_8217.driver import driver as scale_driver
from device_gateway.drivers.scanner.serial_scanner.driver import driver as scanner_driver
from device_gateway.simulators.program import USUAL
from libs.host.commands.simulate import simulate
from libs.host.errors import WrongSetting
from tests.integration.device_gateway.devices.patience import told, until

ROOT = Path(__file__).parents[4]
STARTED_WITHIN_S = 30


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "libs.host.cli", "simulate", *arguments]


class Program:
    """A running simulator."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            command(*arguments),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self._process.stdout
        self.shown: list[str] = []
        self.address = self._process.stdout.readline().strip()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.shown.append(line.rstrip("\n"))

    def type(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def close_input(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()

    def running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> tuple[int, str]:
        """Stop it as a service manager does; its exit code and what it said on standard error."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.stderr
        said = self._process.stderr.read()
        return self._process.wait(STARTED_WITHIN_S), said


def opened_scale(options: dict[str, Any]) -> Mettler8217:
    device = scale_driver.open_device(scale_driver.options.model_validate(options))
    assert isinstance(device, Mettler8217)
    return device


@contextmanager
def simulated(*arguments: str) -> Iterator[Program]:
    program = Program(*arguments)
    try:
        yield program
    finally:
        if program.running():
            program.end()


def test_a_scanner_scans_what_is_typed_and_takes_its_link_away_at_the_end(tmp_path: Path) -> None:
    link = tmp_path / "scanner"
    with simulated("scanner", "--listen", f"pty:{link}", "--set", "aim=true") as program:
        assert program.address == str(link)
        device = scanner_driver.open_device(scanner_driver.options.model_validate({"address": program.address}))
        program.type("5901234123457")
        program.type("10AB<GS>21C")
        assert told(device, 2) == [Scan("5901234123457", "]E0"), Scan("10AB\x1d21C", "]C1")]
        device.close()
        code, said = program.end()
    assert code == 130
    assert 'driver = "serial_scanner"' in said
    assert f'options = {{ address = "{link}" }}' in said
    assert not link.is_symlink()


def test_a_scale_weighs_what_is_typed_and_faults_come_and_go(tmp_path: Path) -> None:
    with simulated("scale", "--listen", "tcp://127.0.0.1:0", "--fault", "late-answer=0.05") as program:
        options = {"address": program.address, "ask_every_s": 0.05}
        device = opened_scale(options)
        program.type("1.25 kg")
        assert told(device)[-1] in (
            Weighing(WeightState.ZERO),
            Weighing(WeightState.STABLE, gross_g=1250, tare_g=0, net_g=1250),
        )
        program.type("/faults-off")
        program.type("heavy")
        program.type("/nonsense")
        program.type("300")
        until(lambda: device.weigh().net_g == 300)
        device.close()
        # Nobody can type any more: it goes on serving.
        program.close_input()
        device = opened_scale(options)
        assert device.weigh().net_g == 300
        device.close()
        code, said = program.end()
    assert code == 130
    assert "Type a load, such as 1250" in said
    assert "There is no /nonsense; there are /unplug, /plug, /fault NAME, /faults-off." in said


def test_a_display_shows_a_frame_and_can_be_unplugged(tmp_path: Path) -> None:
    with simulated("display", "--listen", f"pty:{tmp_path / 'display'}") as program:
        device = display_driver.open_device(display_driver.options.model_validate({"address": program.address}))
        assert isinstance(device, LineDisplay)
        device.show("Bananas", "2.50 EUR")
        until(lambda: len(program.shown) >= 4)
        edge = "+" + "-" * 20 + "+"
        assert program.shown[-4:] == [edge, "|Bananas             |", "|2.50 EUR            |", edge]
        program.type("/unplug")
        until(lambda: not Path(program.address).is_symlink())
        program.type("/plug")
        until(lambda: Path(program.address).exists())
        device.close()


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("toaster", {}, "There is no simulated 'toaster'; there are "),
        ("scanner", {"driver": "nobody"}, "There is no simulated scanner 'nobody'; there are hid_scanner, serial_scan"),
        ("scale", {"fault": ["paper-out"]}, "There is no fault 'paper-out' of this device; there are no-answer"),
        ("scale", {"setting": ["capacity_g=1"]}, "--set capacity_g: Input should be greater than or equal to 100."),
        ("scale", {"setting": ["unit"]}, "A setting is written name=value, not 'unit'."),
        ("scale", {"listen": "com1"}, "'com1' is no place to listen: write pty"),
    ],
)
def test_what_cannot_be_simulated_is_a_sentence(kind: str, options: dict[str, Any], sentence: str) -> None:
    given: dict[str, Any] = {"driver": None, "listen": "pty", **options}
    with pytest.raises(WrongSetting) as refused:
        simulate(kind, back_after=1.0, **given)
    assert str(refused.value).startswith(sentence)


def test_a_mistake_ends_the_program_with_code_2() -> None:
    done = subprocess.run(command("toaster"), cwd=ROOT, capture_output=True, text=True, timeout=STARTED_WITHIN_S)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tillstream: There is no simulated 'toaster'")


def test_a_device_explains_itself() -> None:
    done = subprocess.run(
        command("scale", "--explain"), cwd=ROOT, capture_output=True, text=True, timeout=STARTED_WITHIN_S, check=True
    )
    assert "Each line is a load: 1250 (grams)" in done.stdout
    assert "late-answer=SECONDS: Everything it says comes that much later." in done.stdout
    assert "capacity_g (above which it is overloaded, in grams; 15000)" in done.stdout


@pytest.mark.parametrize("kind", ["scanner", "scale", "display", "drawer"])
def test_every_driver_has_a_right_manifest_and_a_readme(kind: str) -> None:
    folders = [path.parent for path in (FOLDER / kind).glob("*/driver.py")]
    assert folders
    for folder in folders:
        manifest = read_manifest(folder)
        readme = (folder / "README.md").read_text(encoding="utf-8")
        assert manifest.kind == kind
        assert "## Sources" in readme
        assert "## Proof" in readme
    assert USUAL[kind] in {folder.name for folder in folders}
