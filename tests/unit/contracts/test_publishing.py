"""`tillstream contracts`: what is published, what has grown, and what may not change any more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import libs.contracts
from libs.contracts.message import all_definitions
from libs.host.published_contracts import compare, write

SALE = "tillstream.sales.sale_completed.v1"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    write(tmp_path, replace_samples=False)
    return tmp_path


def change(path: Path, how: Callable[[dict[str, object]], object]) -> None:
    document = json.loads(path.read_text())
    how(document)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def test_what_was_just_written_is_up_to_date_and_is_not_written_again(published: Path) -> None:
    findings = compare(published)
    assert (findings.breaking, findings.unpublished) == ([], [])
    assert write(published, replace_samples=False) == 0
    assert len(list((published / "schemas").glob("tillstream.*.json"))) == len(all_definitions())
    assert len(list((published / "samples").glob("*.json"))) == len(all_definitions())


def test_an_empty_folder_lacks_everything_and_breaks_nothing(tmp_path: Path) -> None:
    findings = compare(tmp_path)
    assert findings.breaking == []
    assert len(findings.unpublished) == 2 * len(all_definitions()) + 1


def test_a_field_published_before_and_gone_from_the_code_is_a_break(published: Path) -> None:
    change(
        published / "schemas" / f"{SALE}.json",
        lambda schema: schema["properties"].update(old_name={"type": "string"}),  # type: ignore[attr-defined]
    )
    assert compare(published).breaking == [f"{SALE}: old_name is gone"]


def test_a_field_that_the_code_has_and_the_published_schema_lacks_is_growth(published: Path) -> None:
    def forget(schema: dict[str, object]) -> None:
        schema["properties"].pop("customer_id")  # type: ignore[attr-defined]
        schema["required"] = [name for name in schema["required"] if name != "customer_id"]  # type: ignore[attr-defined]

    change(published / "schemas" / f"{SALE}.json", forget)
    findings = compare(published)
    assert (findings.breaking, findings.unpublished) == ([], [f"{SALE} has grown"])


def test_an_old_sample_that_can_no_longer_be_read_in_full_is_a_break(published: Path) -> None:
    change(published / "samples" / f"{SALE}.01.json", lambda sample: sample.update(old_name="x"))
    assert compare(published).breaking == [f"{SALE}: sample {SALE}.01.json: old_name is ignored"]


def test_a_message_that_no_longer_exists_is_a_break(published: Path) -> None:
    (published / "schemas" / "tillstream.sales.forgotten.v1.json").write_text("{}")
    assert compare(published).breaking == ["tillstream.sales.forgotten.v1 is published and no longer exists"]


def test_when_a_contract_has_grown_a_sample_is_added_and_the_old_one_stays(published: Path) -> None:
    first = published / "samples" / f"{SALE}.01.json"
    change(first, lambda sample: sample.pop("customer_id", None))
    before = first.read_bytes()
    assert compare(published).unpublished == [f"{SALE} has no sample with all of its fields"]
    assert write(published, replace_samples=False) == 1
    assert first.read_bytes() == before
    assert "customer_id" in json.loads((published / "samples" / f"{SALE}.02.json").read_bytes())
    assert compare(published).unpublished == []


def test_the_committed_contracts_are_up_to_date() -> None:
    findings = compare(Path(libs.contracts.__path__[0]))
    assert (findings.breaking, findings.unpublished) == ([], [])
