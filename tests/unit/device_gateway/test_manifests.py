"""Every driver of this repository says of itself what is needed to use it, and says it rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_gateway.drivers.interface import Driver, DriverOptions
from device_gateway.drivers.manifests import FOLDER, WrongManifest, load_driver, manifests, read_manifest

GOOD = """
name = "{name}"
kind = "printer"
title = "A printer"
lines = ["usb"]
sources = ["the manual"]
proof = "a simulator"
simulator = {simulator}
"""


def test_every_folder_with_a_driver_has_a_right_manifest() -> None:
    folders = {path.parent.name for path in FOLDER.glob("*/*/driver.py")}
    assert set(manifests()) == folders


def test_every_driver_can_be_loaded_and_refuses_options_it_does_not_know() -> None:
    for name in manifests():
        driver = load_driver(name)
        assert isinstance(driver, Driver)
        assert issubclass(driver.options, DriverOptions)
        assert driver.options.model_config["extra"] == "forbid"


def test_every_option_of_every_driver_is_described() -> None:
    undescribed = [
        f"{name}.{field}"
        for name in manifests()
        for field, info in load_driver(name).options.model_fields.items()
        if not info.description and not load_driver(name).options.__doc__
    ]
    assert undescribed == []


def test_a_usb_id_belongs_to_one_driver() -> None:
    claimed: dict[tuple[str, str], str] = {}
    for name, manifest in manifests().items():
        for usb in manifest.usb:
            if usb.product is not None:
                assert claimed.setdefault((usb.vendor, usb.product), name) == name


def test_an_unknown_driver_is_refused_with_those_there_are() -> None:
    with pytest.raises(LookupError, match="There is no driver 'nonesuch'; the drivers are"):
        load_driver("nonesuch")


@pytest.mark.parametrize(
    ("manifest", "simulator", "sentence"),
    [
        (None, False, "manifest.toml cannot be read"),
        ("name = ", False, "is not TOML"),
        (GOOD.format(name="other", simulator="false"), False, "not of its folder"),
        (GOOD.format(name="mine", simulator="true"), False, "simulator: true and simulator.py go together"),
        (GOOD.format(name="mine", simulator="false"), True, "simulator: true and simulator.py go together"),
        (GOOD.format(name="mine", simulator="false") + 'colour = "red"', False, "colour: Extra inputs"),
        (GOOD.format(name="mine", simulator="false").replace('["usb"]', "[]"), False, "lines: "),
        (GOOD.format(name="mine", simulator="false") + '[[usb]]\nvendor = "4B8"\ntitle = "x"', False, "usb.0.vendor"),
        (GOOD.format(name="mine", simulator="false") + 'capabilities = ["tip"]', False, "by no others"),
    ],
)
def test_a_wrong_manifest_is_named_with_its_field(
    manifest: str | None, simulator: bool, sentence: str, tmp_path: Path
) -> None:
    folder = tmp_path / "printer" / "mine"
    folder.mkdir(parents=True)
    if manifest is not None:
        (folder / "manifest.toml").write_text(manifest, encoding="utf-8")
    if simulator:
        (folder / "simulator.py").write_text("", encoding="utf-8")
    with pytest.raises(WrongManifest, match=sentence):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("capabilities", "sentence"),
    [
        ("", "mine/manifest.toml: capabilities are listed by the drivers of payment terminals"),
        ('capabilities = ["tips"]', "capabilities"),
        ('capabilities = ["refund", "tip"]', "come with a purchase, which is not listed"),
    ],
)
def test_a_payment_terminal_lists_what_it_can_do(capabilities: str, sentence: str, tmp_path: Path) -> None:
    folder = tmp_path / "terminal" / "mine"
    folder.mkdir(parents=True)
    good = GOOD.format(name="mine", simulator="false").replace('"printer"', '"terminal"')
    (folder / "manifest.toml").write_text(good + capabilities, encoding="utf-8")
    with pytest.raises(WrongManifest, match=sentence):
        read_manifest(folder)
    (folder / "manifest.toml").write_text(good + 'capabilities = ["purchase", "tip"]', encoding="utf-8")
    assert read_manifest(folder).capabilities == {"purchase", "tip"}


def test_a_right_manifest_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "printer" / "mine"
    folder.mkdir(parents=True)
    (folder / "manifest.toml").write_text(GOOD.format(name="mine", simulator="false"), encoding="utf-8")
    assert read_manifest(folder).module == "device_gateway.drivers.printer.mine"
