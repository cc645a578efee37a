"""`tillstream catalog import` and `export` against a running system: what they print, write and answer to scripts."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from libs.host.cli import main
from libs.host.console import err, out
from tests.contract.living_shop import ADMINISTRATOR, LivingShop

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tillstream(shop: LivingShop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process with these settings and no others: exit code, output, errors."""

    def run(*arguments: str, **settings: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("TILLSTREAM_")]:
                patch.delenv(name)
            patch.setenv("TILLSTREAM_SERVER_URL", shop.url)
            for name, value in settings.items():
                patch.setenv(f"TILLSTREAM_{name}", value)
            patch.setattr(sys, "argv", ["tillstream", "catalog", *arguments])
            for console in (out, err):
                patch.setattr(console, "width", 200)
            capsys.readouterr()
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
            printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def key(shop: LivingShop) -> str:
    """An API key that may import and read the catalogue."""
    body = {"name": "Spreadsheets", "scopes": ["catalog.import", "catalog.read"], "all_stores": True}
    return str(shop.office("POST", "/identity/v1/api-keys", body)["key"])


def new_code() -> str:
    return f"c{uuid4().hex[:12]}"


def test_a_file_is_imported_and_a_second_time_changes_nothing(tillstream: Run, key: str, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(
        f"code,name,tax_category,price,price_list\n{new_code()},Soap,standard,1.99,retail\n"
        f"{new_code()},Brush,standard,2.49,retail\n"
    )
    code, printed, errors = tillstream("import", str(file), API_KEY=key)
    assert (code, printed) == (0, "2 rows: 2 created, 0 changed, 0 unchanged, 0 refused.\n")
    assert "Importing products.csv" in errors
    assert key not in printed + errors
    again = tillstream("import", str(file), API_KEY=key)
    assert again[:2] == (0, "2 rows: 0 created, 0 changed, 2 unchanged, 0 refused.\n")


def test_refused_rows_are_shown_written_to_the_report_and_told_to_scripts(
    tillstream: Run, shop: LivingShop, tmp_path: Path
) -> None:
    good, bad = new_code(), new_code()
    file, report = tmp_path / "products.csv", tmp_path / "refused.csv"
    file.write_text(
        f"code,name,tax_category,price,price_list\n{good},Soap,standard,1.99,retail\n{bad},Tar,none,1.99,retail\n"
    )
    code, printed, errors = tillstream(
        "import",
        str(file),
        "--staff",
        "root",
        "--report",
        str(report),
        STAFF_PASSWORD=ADMINISTRATOR["password"],
    )
    assert code == 1
    assert "2 rows: 1 created, 0 changed, 0 unchanged, 1 refused." in printed
    assert "tax_category" in printed
    assert f"All refused rows are in {report}." in errors
    assert "1 of 2 rows were refused; mend them and import the file again." in errors
    assert ADMINISTRATOR["password"] not in printed + errors
    with report.open(encoding="utf-8-sig", newline="") as rows:
        assert [(row["row"], row["column"], row["value"]) for row in csv.DictReader(rows)] == [
            ("3", "tax_category", "none")
        ]
    second = tillstream("import", str(file), "--staff", "root", "--report", str(report), STAFF_PASSWORD="x")
    assert (second[0], "is there already" in second[2]) == (2, True)


def test_a_dry_run_changes_nothing(tillstream: Run, shop: LivingShop, key: str, tmp_path: Path) -> None:
    file, product = tmp_path / "products.csv", new_code()
    file.write_text(f"code,name,tax_category\n{product},Soap,standard\n")
    code, printed, _ = tillstream("import", str(file), "--dry-run", API_KEY=key)
    assert code == 0
    assert printed == "1 rows: 1 created, 0 changed, 0 unchanged, 0 refused. Nothing was changed: this was a dry run.\n"
    assert shop.office("GET", "/catalog/v1/search", q=product)["items"] == []


def test_an_export_is_a_file_that_an_import_reads(tillstream: Run, key: str, tmp_path: Path) -> None:
    for what in ("products", "prices"):
        file = tmp_path / f"{what}.csv"
        code, printed, errors = tillstream("export", str(file), "--what", what, API_KEY=key)
        assert (code, f"holds all {what}" in printed) == (0, True), errors
        with file.open(encoding="utf-8-sig", newline="") as rows:
            assert "bread" in {row["code"] for row in csv.DictReader(rows)}
        taken = tillstream("export", str(file), "--what", what, API_KEY=key)
        assert (taken[0], "is there already" in taken[2]) == (1, True)
        back = tillstream("import", str(file), API_KEY=key)
        assert (back[0], " 0 created, 0 changed" in back[1]) == (0, True), back
    assert sorted(each.name for each in tmp_path.iterdir()) == ["prices.csv", "products.csv"]


def test_whoever_may_not_is_told_so_in_a_sentence(tillstream: Run, shop: LivingShop, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("code,name\n")
    reads = {"name": "Reader", "scopes": ["catalog.read"], "all_stores": True}
    reader = str(shop.office("POST", "/identity/v1/api-keys", reads)["key"])
    for arguments, settings, code, sentence in (
        ((), {}, 2, "Say who calls: set TILLSTREAM_API_KEY"),
        ((), {"API_KEY": "ts_nonsense"}, 2, "does not let TILLSTREAM_API_KEY in"),
        (("--staff", "root"), {"STAFF_PASSWORD": "wrong password of root"}, 2, "does not let root in"),
        ((), {"API_KEY": reader}, 1, "the permission catalog.import is missing"),
        (("--server", "http://127.0.0.1:9"), {"API_KEY": reader}, 3, "http://127.0.0.1:9 does not answer"),
        (("--server", "pos.example.com"), {"API_KEY": reader}, 2, "must be a base URL"),
    ):
        finished = tillstream("import", str(file), *arguments, **settings)
        assert (finished[0], sentence in finished[2]) == (code, True), finished
        for secret in settings.values():
            assert secret not in finished[1] + finished[2]
    missing = tillstream("import", str(tmp_path / "nothing.csv"), API_KEY=reader)
    assert (missing[0], "cannot be read: No such file or directory" in missing[2]) == (2, True)


def test_help_teaches_with_an_example_and_exit_codes(tillstream: Run) -> None:
    for command in ("import", "export"):
        code, printed, _ = tillstream(command, "--help")
        assert code == 0
        assert "tillstream catalog" in printed
        assert "Exit code 0" in printed
