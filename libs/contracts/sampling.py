"""Golden samples: one complete message of each shape a contract ever had, kept for ever and read by every test run."""

from __future__ import annotations

from typing import Any

from libs.contracts.message import MessageDefinition

Json = Any
_FORMATS = {
    "uuid": "019a0000-0000-7000-8000-000000000001",
    "date-time": "2026-01-31T17:45:00Z",
    "date": "2026-01-31",
    "time": "17:45:00",
    "uri": "https://tillstream.example/",
}
_LARGEST_DEPTH = 12


def sample_of(schema: dict[str, Any]) -> Json:
    """A message with every field filled, built from its JSON Schema; always the same for the same schema."""
    return _value(schema, schema, "message", 0)


def sample_problems(definition: MessageDefinition, sample: bytes, parsed_sample: Json) -> list[str]:
    """Why today's model no longer reads a sample in full; empty if it does.

    `sample` is the text, `parsed_sample` the same as JSON. Every field of the sample must come back unchanged.
    """
    try:
        message = definition.model.parse(sample)
    except ValueError as error:
        return [f"it is refused: {str(error).splitlines()[0]}"]
    return _lost(parsed_sample, message.model_dump(mode="json"), "")


def covers(sample: Json, fresh: Json) -> bool:
    """Whether `sample` has every field that a sample made today has."""
    if isinstance(fresh, dict):
        return isinstance(sample, dict) and all(
            name in sample and covers(sample[name], value) for name, value in fresh.items()
        )
    if isinstance(fresh, list) and fresh:
        return isinstance(sample, list) and bool(sample) and covers(sample[0], fresh[0])
    return True


def _lost(before: Json, after: Json, path: str) -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        lost: list[str] = []
        for name, value in before.items():
            at = f"{path}.{name}" if path else name
            lost += [f"{at} is ignored"] if name not in after else _lost(value, after[name], at)
        return lost
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            line
            for number, (one, other) in enumerate(zip(before, after, strict=True))
            for line in _lost(one, other, f"{path}[{number}]")
        ]
    return [] if before == after else [f"{path} was {before!r} and is read as {after!r}"]


def _value(schema: dict[str, Any], document: dict[str, Any], name: str, depth: int) -> Json:
    if "$ref" in schema:
        return _value(document["$defs"][str(schema["$ref"]).rsplit("/", 1)[-1]], document, name, depth)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return _value(next(v for v in schema[keyword] if v.get("type") != "null"), document, name, depth)
    if "const" in schema:
        return schema["const"]
    for keyword in ("examples", "enum"):
        if schema.get(keyword):
            return schema[keyword][0]
    return _by_type(schema, document, name, depth)


def _by_type(schema: dict[str, Any], document: dict[str, Any], name: str, depth: int) -> Json:
    match schema.get("type"):
        case "object" | None if depth <= _LARGEST_DEPTH:
            extra = schema.get("additionalProperties")
            open_fields = {"key": _value(extra, document, name, depth + 1)} if isinstance(extra, dict) else {}
            fields = schema.get("properties", {})
            return open_fields | {key: _value(inner, document, key, depth + 1) for key, inner in fields.items()}
        case "array":
            if "prefixItems" in schema:
                return [_value(item, document, name, depth + 1) for item in schema["prefixItems"]]
            item = schema.get("items")
            return [_value(item, document, name, depth + 1)] if isinstance(item, dict) and item else []
        case "integer" | "number":
            return max(1, schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return True
        case "string":
            return _FORMATS.get(schema.get("format", ""), name.replace("_", " "))
        case _:
            return None
