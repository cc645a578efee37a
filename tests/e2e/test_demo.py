"""The first thing a newcomer runs: a trading day, from an empty folder to Z reports that agree."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

TIME_LIMIT_S = 240


def run_demo(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    places = ["--data", str(data), "--port", "0", "--pictures", str(data.parent / "pictures")]
    command = [sys.executable, "-m", "libs.host.cli", "demo", *arguments, *places]
    environment = {**os.environ, "TILLSTREAM_LOG_LEVEL": "WARNING", "COLUMNS": "120"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)


def test_a_day_at_three_tills_agrees_in_the_evening(tmp_path: Path) -> None:
    day = run_demo("--baskets", "60", "--tills", "3", data=tmp_path / "shop")
    assert day.returncode == 0, day.stdout + day.stderr
    checks = [line for line in day.stdout.splitlines() if line.startswith(("yes ", "NO "))]
    assert len(checks) == 44
    assert all(line.startswith("yes ") for line in checks)
    assert "Z REPORT 1" in day.stdout
    assert "TOTAL" in day.stdout
    # Nine by order; whoever is on the bank's line when it breaks shares its fate.
    lost = re.search(r"(\d+) answers of terminals were lost; each outcome was found out", day.stdout)
    assert lost is not None
    assert 9 <= int(lost[1]) <= 12
    for name in ("receipt.png", "z-report.png"):
        with Image.open(tmp_path / "pictures" / name) as picture:
            assert picture.width == 560
            assert picture.height > 800
    again = run_demo("--baskets", "60", "--tills", "3", data=tmp_path / "shop")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "holds a shop already" in again.stdout


@pytest.mark.parametrize("arguments", [("--baskets", "0"), ("--tills", "65")])
def test_an_absurd_day_is_refused_with_a_sentence(arguments: tuple[str, str], tmp_path: Path) -> None:
    refused = run_demo(*arguments, data=tmp_path / "shop")
    assert refused.returncode == 2
    assert arguments[0] in refused.stderr
    assert not (tmp_path / "shop").exists()
