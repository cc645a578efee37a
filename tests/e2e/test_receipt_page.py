"""The receipt's page in a real Chromium: on a telephone, and printed on an 80 mm roll."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.sales.domain.receipt import Receipt, make_receipt
from services.sales.domain.receipt_labels import LANGUAGES, Language
from services.sales.receipt_page import receipt_page
from tests.conftest import LEFT_OUT
from tests.unit.sales.documents import Goods, card, cash, document, frozen_lines, priced_lines, store

pytestmark = pytest.mark.chromium

CHROMIUM_TIMEOUT_S = 60
PHONE_WIDTH_PX = 360
POINTS_PER_MM = 72 / 25.4
PNG_SIZE = slice(16, 24)

# Measures the page from outside, as it has no script of its own and its policy allows none.
PROBE = """<!doctype html>
<meta charset="utf-8">
<iframe id="page" width="{width}" height="1600" srcdoc="{page}"></iframe>
<pre id="measured"></pre>
<script>
addEventListener("load", () => {{
  const inside = document.getElementById("page").contentDocument, root = inside.documentElement;
  const all = [...inside.querySelectorAll("main *")];
  const size = (element) => parseFloat(getComputedStyle(element).fontSize);
  const box = (query) => {{
    const found = inside.querySelector(query).getBoundingClientRect();
    return [found.left, found.right, found.width, found.height];
  }};
  const beyond = all.filter((element) => element.getBoundingClientRect().right > {width} + 0.5);
  document.getElementById("measured").textContent = JSON.stringify({{
    scroll_width: root.scrollWidth,
    clipped: all.filter((element) => element.clientWidth && element.scrollWidth > element.clientWidth + 1)
      .map((element) => element.outerHTML.slice(0, 80)),
    beyond: beyond.map((element) => element.outerHTML.slice(0, 80)),
    language: root.lang,
    paper: box("main"),
    code: box(".code svg"),
    amount_px: size(inside.querySelector(".hero .amount")),
    smallest_px: Math.min(...all.map(size)),
    text: inside.querySelector("main").innerText,
  }});
}});
</script>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    """The path of a Chromium."""
    found = os.environ.get("TILLSTREAM_TEST_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if found is None:
        absent = "no Chromium: install the package chromium, or name one in TILLSTREAM_TEST_CHROMIUM"
        if os.environ.get("TILLSTREAM_REQUIRE_SERVICES") == "1":
            pytest.fail(absent)
        pytest.skip(LEFT_OUT + absent)
    return found


def run(chromium: str, folder: Path, *options: str) -> str:
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}",
        *options,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHROMIUM_TIMEOUT_S, check=True)
    return done.stdout


def receipt(language: Language = "en", **changes: Any) -> Receipt:
    shop = store(receipt_footer="Open every day\nfrom 6 to 22")
    goods = [
        Goods("Bananas", 199, "1.250", tax_category="reduced"),
        Goods("Rye bread with sunflower and pumpkin seeds, large", 649, "2", percent_discount_ppm=100_000),
        Goods("Donaudampfschifffahrtsgesellschaftskapitänsmützenband", 123_456_789, "3"),
    ]
    lines = frozen_lines(goods, priced_lines(goods, shop))
    total_minor = sum(line.total_minor for line in lines)
    tenders = [card(1_000, reference="A1B2C3"), cash(total_minor - 1_000, total_minor + 5_000)]
    completed = document(lines, shop, tenders, sale_id=UUID("0190a000-0000-7000-8000-0000000000aa"))
    return make_receipt(completed, shop, language=language, **changes)


def measured(chromium: str, folder: Path, page: str, width_px: int) -> dict[str, Any]:
    probe = folder / "probe.html"
    probe.write_text(PROBE.format(width=width_px, page=html.escape(page)), encoding="utf-8")
    shown = run(chromium, folder, "--dump-dom", probe.as_uri())
    found = re.search(r'<pre id="measured">(.*?)</pre>', shown, re.DOTALL)
    assert found, shown[-2000:]
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    return result


@pytest.mark.parametrize("language", LANGUAGES)
def test_on_a_telephone_nothing_is_wider_than_the_screen(chromium: str, tmp_path: Path, language: Language) -> None:
    made = receipt(language, copy_number=1)
    seen = measured(chromium, tmp_path, receipt_page(made), PHONE_WIDTH_PX)
    assert seen["scroll_width"] == PHONE_WIDTH_PX
    assert seen["beyond"] == []
    assert seen["clipped"] == []
    assert seen["language"] == language
    assert seen["amount_px"] >= 28
    assert seen["smallest_px"] >= 13
    for words in (made.total.text, made.header.marks[0], made.lines[0].name, made.footer[0], made.tax_note):
        assert words in seen["text"]


def test_the_code_is_large_enough_to_scan_and_in_the_middle(chromium: str, tmp_path: Path) -> None:
    seen = measured(chromium, tmp_path, receipt_page(receipt()), PHONE_WIDTH_PX)
    left, right, width, height = seen["code"]
    assert (width, height) == (156, 156)
    assert abs((left + right) / 2 - PHONE_WIDTH_PX / 2) < 1


def test_on_a_wide_screen_it_stays_a_receipt(chromium: str, tmp_path: Path) -> None:
    seen = measured(chromium, tmp_path, receipt_page(receipt()), 1_200)
    left, right, width, _ = seen["paper"]
    assert width == 440
    assert (left + right) / 2 == 600


def test_it_prints_on_an_80_mm_roll(chromium: str, tmp_path: Path) -> None:
    page, printed = tmp_path / "receipt.html", tmp_path / "receipt.pdf"
    page.write_text(receipt_page(receipt()), encoding="utf-8")
    run(chromium, tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={printed}", page.as_uri())
    boxes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", printed.read_bytes())
    assert boxes
    assert {round(float(width) / POINTS_PER_MM) for width, _ in boxes} == {80}


def test_a_screenshot_of_it_can_be_taken(chromium: str, tmp_path: Path) -> None:
    page, picture = tmp_path / "receipt.html", tmp_path / "receipt.png"
    page.write_text(receipt_page(receipt(voided=True)), encoding="utf-8")
    run(chromium, tmp_path, "--window-size=500,1400", f"--screenshot={picture}", page.as_uri())
    size = picture.read_bytes()[PNG_SIZE]
    assert (int.from_bytes(size[:4]), int.from_bytes(size[4:])) == (500, 1400)
