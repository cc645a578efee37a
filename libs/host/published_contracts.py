"""The published files of the contracts: compared with the code, and written."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import libs.contracts
from libs.contracts.compatibility import breaking_changes
from libs.contracts.documents import asyncapi_document, message_schema
from libs.contracts.message import MessageDefinition, all_definitions
from libs.contracts.sampling import covers, sample_of, sample_problems

ASYNCAPI_FILE = "asyncapi.json"


@dataclass
class Findings:
    """What a comparison of the code with the published files found."""

    breaking: list[str] = field(default_factory=list)
    unpublished: list[str] = field(default_factory=list)


def contracts_folder() -> Path:
    """The folder that holds schemas/ and samples/."""
    return Path(libs.contracts.__path__[0])


def compare(folder: Path) -> Findings:
    """Compare every contract in code with the files in `folder`."""
    findings = Findings()
    generated = dict(_generated_schemas())
    for definition in all_definitions():
        _compare_message(folder, definition, generated[definition.type], findings)
    for path in sorted((folder / "schemas").glob("tillstream.*.json")):
        if path.stem not in generated:
            findings.breaking.append(f"{path.stem} is published and no longer exists")
    asyncapi = folder / "schemas" / ASYNCAPI_FILE
    if not asyncapi.exists() or asyncapi.read_text(encoding="utf-8") != _text(_asyncapi()):
        findings.unpublished.append(f"{ASYNCAPI_FILE} is not up to date")
    return findings


def _compare_message(folder: Path, definition: MessageDefinition, schema: dict[str, Any], findings: Findings) -> None:
    path = folder / "schemas" / f"{definition.type}.json"
    if not path.exists():
        findings.unpublished.append(f"{definition.type} has no schema")
    elif path.read_text(encoding="utf-8") != _text(schema):
        breaks = breaking_changes(json.loads(path.read_text(encoding="utf-8")), schema)
        findings.breaking += [f"{definition.type}: {line}" for line in breaks]
        if not breaks:
            findings.unpublished.append(f"{definition.type} has grown")
    samples = _samples(folder, definition)
    for sample_path in samples:
        text = sample_path.read_bytes()
        problems = sample_problems(definition, text, json.loads(text))
        findings.breaking += [f"{definition.type}: sample {sample_path.name}: {line}" for line in problems]
    if not _covered(samples, sample_of(schema)):
        findings.unpublished.append(f"{definition.type} has no sample with all of its fields")


def write(folder: Path, *, replace_samples: bool) -> int:
    """Write schemas, missing samples and the AsyncAPI document; how many files changed.

    `replace_samples` removes samples that can no longer be read.
    """
    (folder / "schemas").mkdir(exist_ok=True)
    (folder / "samples").mkdir(exist_ok=True)
    contents = {f"{name}.json": _text(schema) for name, schema in _generated_schemas()}
    contents[ASYNCAPI_FILE] = _text(_asyncapi())
    written = 0
    for path in (folder / "schemas").glob("*.json"):
        if path.name not in contents:
            path.unlink()
    for name, text in contents.items():
        written += _write_if_changed(folder / "schemas" / name, text)
    for definition in all_definitions():
        fresh = sample_of(message_schema(definition))
        samples = _samples(folder, definition)
        if replace_samples:
            for path in samples:
                if sample_problems(definition, path.read_bytes(), json.loads(path.read_bytes())):
                    path.unlink()
            samples = _samples(folder, definition)
        if not _covered(samples, fresh):
            number = len(samples) + 1
            written += _write_if_changed(folder / "samples" / f"{definition.type}.{number:02d}.json", _text(fresh))
    return written


def _covered(samples: list[Path], fresh: Any) -> bool:
    """Whether one of the samples has every field; others may have been added by hand."""
    return any(covers(json.loads(path.read_bytes()), fresh) for path in samples)


def _samples(folder: Path, definition: MessageDefinition) -> list[Path]:
    return sorted((folder / "samples").glob(f"{definition.type}.[0-9][0-9].json"))


def _generated_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    for definition in all_definitions():
        yield definition.type, message_schema(definition)


def _asyncapi() -> dict[str, Any]:
    return asyncapi_document(all_definitions(), importlib.metadata.version("tillstream"))


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _write_if_changed(path: Path, text: str) -> bool:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True
