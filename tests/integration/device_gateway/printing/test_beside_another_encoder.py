"""Our bytes beside those of npm's `@point-of-sale/receipt-printer-encoder`, for the commands that both know.

The package is installed into a cache outside of the repository; without node, or where it cannot be had, the test is
left out. What both do not do alike on purpose is not compared: that one begins with ESC M 0, ends rows with LF CR and
cuts without feeding.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from device_gateway.drivers.printer.escpos import commands
from device_gateway.drivers.printer.escpos.code_pages import CodePages
from device_gateway.drivers.printer.escpos.profiles import profile_named
from tests.conftest import LEFT_OUT

PACKAGE = "@point-of-sale/receipt-printer-encoder"
VERSION = "4.0.1"
INSTALL_TIMEOUT_S = 60
SCRIPT = """
const { default: Encoder } = await import(process.argv[2]);
const encoded = f => {
  const encoder = new Encoder({ language: "esc-pos", columns: 48, imageMode: "raster" });
  f(encoder);
  return Buffer.from(encoder.encode()).toString("hex");
};
const stripes = new Uint8ClampedArray(16 * 8 * 4).map((_, at) => at % 4 == 3 || (at / 4) % 16 >= 8 ? 255 : 0);
console.log(JSON.stringify({
  initialise: encoded(e => e.initialize()),
  bold: encoded(e => e.codepage("cp437").bold(true).text("A").bold(false)),
  size: encoded(e => e.codepage("cp437").size(2, 2).text("A").size(1, 1)),
  polish: encoded(e => e.codepage("cp852").text("żółć")),
  russian: encoded(e => e.codepage("cp866").text("Мясной")),
  qr: encoded(e => e.qrcode("https://receipts.example/1", { model: 2, size: 5, errorlevel: "m" })),
  code128: encoded(e => e.barcode("A-12", "code128", { height: 64, width: 1, text: true })),
  raster: encoded(e => e.image({ data: stripes, width: 16, height: 8 }, 16, 8, "threshold", 128)),
  kick: encoded(e => e.pulse(0, 100, 100)),
}));
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Their bytes, by what was asked of them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(LEFT_OUT + "node and npm are not installed: the bytes are not compared with another encoder's")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / f"tillstream-tests/encoder-{VERSION}"
    module = cache / "node_modules" / PACKAGE
    try:
        if not module.exists():
            cache.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                [npm, "install", "--prefix", str(cache), "--no-audit", "--fetch-retries=0", f"{PACKAGE}@{VERSION}"],
                check=True,
                capture_output=True,
                timeout=INSTALL_TIMEOUT_S,
            )
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"{LEFT_OUT}{PACKAGE} {VERSION} cannot be had from npm ({type(error).__name__})")
    script = tmp_path_factory.mktemp("encoder") / "encode.mjs"
    script.write_text(SCRIPT, encoding="utf-8")
    entry = json.loads((module / "package.json").read_text(encoding="utf-8"))["exports"]["import"]
    said = subprocess.run(
        [node, str(script), str(module / entry)], check=True, capture_output=True, timeout=INSTALL_TIMEOUT_S
    )
    return {name: bytes.fromhex(data) for name, data in json.loads(said.stdout).items()}


def _in_their_order(theirs: bytes, *ours: bytes) -> bool:
    """Whether each of our commands is in theirs, one after the other."""
    at = 0
    for command in ours:
        at = theirs.find(command, at)
        if at < 0:
            return False
        at += len(command)
    return True


def test_commands_have_the_bytes_that_another_encoder_gives_them(theirs: dict[str, bytes]) -> None:
    pages = CodePages(profile_named("TM-T88V", {}).pages)
    data = b"https://receipts.example/1"
    assert _in_their_order(theirs["initialise"], commands.INITIALISE, commands.CANCEL_TWO_BYTE_CHARACTERS)
    assert _in_their_order(theirs["bold"], commands.BOLD_ON, b"A", commands.BOLD_OFF)
    assert _in_their_order(theirs["size"], commands.size(2), b"A", commands.size(1))
    assert theirs["polish"].startswith(pages.encoded("żółć"))
    assert theirs["russian"].startswith(pages.encoded("Мясной"))
    assert theirs["qr"].startswith(commands.qr(data, 5))
    assert theirs["raster"].startswith(commands.raster(2, b"\xff\x00" * 8))
    assert theirs["kick"] == commands.kick(2, 100, 100)
    height, _, below, bars = _parts(theirs["code128"])
    ours = _parts(commands.barcode(73, b"{BA-12", 2) + commands.LINE_FEED)
    assert (height, below, bars) == (ours[0], ours[2], ours[3])


def _parts(data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """GS h, GS w, GS H and GS k of a bar code; they choose another width and no font."""
    height, rest = data.split(b"\x1dw", 1)
    width, rest = rest.split(b"\x1dH", 1)
    below, bars = rest.split(b"\x1dk", 1)
    return height, width, below.removesuffix(b"\x1df\x00"), bars.split(b"\n")[0]
