"""Whether a contract has only grown: everything written under the old schema must still be read under the new one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
_LARGEST_DEPTH = 12


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """What in `new` breaks readers or messages of `old`, one sentence each; empty when the contract only grew.

    Breaking are: a field removed (or renamed), a field of another type, a field that becomes required, an allowed
    value that is gone. Allowed are: a new optional field, a new value, a wider range.
    """
    return list(_compare(_Side(old, old), _Side(new, new), "", 0))


class _Side:
    """A schema and the document that its references point into."""

    def __init__(self, schema: Schema, document: Schema) -> None:
        self.document = document
        self.schema = self._resolved(schema)

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            name = str(schema["$ref"]).rsplit("/", 1)[-1]
            schema = {**self.document["$defs"][name], **{k: v for k, v in schema.items() if k != "$ref"}}
        return schema

    def below(self, schema: Schema) -> _Side:
        return _Side(schema, self.document)

    @property
    def variants(self) -> dict[str, _Side]:
        """The alternatives of this schema by JSON type; one unless it is a union."""
        found: dict[str, _Side] = {}
        for variant in self.schema.get("anyOf") or self.schema.get("oneOf") or [self.schema]:
            side = self.below(variant)
            types = side.schema.get("type", "any")
            for kind in types if isinstance(types, list) else [types]:
                found[kind] = side
        return found

    @property
    def values(self) -> list[Any] | None:
        if "const" in self.schema:
            return [self.schema["const"]]
        values: list[Any] | None = self.schema.get("enum")
        return values


def _compare(old: _Side, new: _Side, path: str, depth: int) -> Iterator[str]:
    if depth > _LARGEST_DEPTH:
        return
    here = path or "the message"
    old_variants, new_variants = old.variants, new.variants
    if "any" in new_variants:
        return
    for kind, old_variant in old_variants.items():
        new_variant = new_variants.get(kind) or (new_variants.get("number") if kind == "integer" else None)
        if new_variant is None:
            yield f"{here} was {kind} and is now {' or '.join(sorted(new_variants))}"
            continue
        yield from _compare_variant(old_variant, new_variant, path, depth)


def _compare_variant(old: _Side, new: _Side, path: str, depth: int) -> Iterator[str]:
    here = path or "the message"
    if new.values is not None:
        gone = [value for value in old.values or [] if value not in new.values]
        if old.values is None:
            yield f"{here} allowed any value and now only {new.values}"
        elif gone:
            yield f"{here} no longer allows {', '.join(map(repr, gone))}"
    if old.schema.get("format") != new.schema.get("format") and new.schema.get("format") is not None:
        yield f"{here} is now a {new.schema['format']}"
    old_fields: dict[str, Schema] = old.schema.get("properties", {})
    new_fields: dict[str, Schema] = new.schema.get("properties", {})
    for name, field in old_fields.items():
        at = f"{path}.{name}" if path else name
        if name not in new_fields:
            yield f"{at} is gone"
        else:
            yield from _compare(old.below(field), new.below(new_fields[name]), at, depth + 1)
    required = set(new.schema.get("required", ())) - set(old.schema.get("required", ()))
    for name in sorted(required):
        yield f"{f'{path}.{name}' if path else name} is now required, and older messages lack it"
    for keyword in ("items", "additionalProperties"):
        old_inner, new_inner = old.schema.get(keyword), new.schema.get(keyword)
        if isinstance(old_inner, dict) and isinstance(new_inner, dict):
            yield from _compare(old.below(old_inner), new.below(new_inner), f"{path}[]", depth + 1)
