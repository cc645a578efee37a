"""The published documents: consumers may rely on them, so they must be whole and up to date."""

from __future__ import annotations

import jsonschema
import pytest

from libs.contracts.documents import COMMANDS_EXCHANGE, EVENTS_EXCHANGE, asyncapi_document, message_schema
from libs.contracts.message import MessageDefinition, all_definitions
from libs.contracts.sampling import sample_of

DEFINITIONS = all_definitions()


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.type)
def test_the_schema_is_valid_and_the_made_sample_satisfies_it_and_the_model(definition: MessageDefinition) -> None:
    schema = message_schema(definition)
    jsonschema.Draft202012Validator.check_schema(schema)
    sample = sample_of(schema)
    jsonschema.validate(sample, schema)
    jsonschema.validate({**sample, "a_field_of_the_future": 1}, schema)
    definition.model.model_validate(sample)


def test_asyncapi_names_every_message_once_on_the_exchange_it_is_published_to() -> None:
    document = asyncapi_document(DEFINITIONS, "1.0")
    published = {
        name: sorted(channel["messages"]) for name, channel in document["channels"].items() if channel["messages"]
    }
    assert published == {
        EVENTS_EXCHANGE: sorted(each.type for each in DEFINITIONS if each.kind == "event"),
        COMMANDS_EXCHANGE: sorted(each.type for each in DEFINITIONS if each.kind == "command"),
    }
    assert sorted(document["components"]["messages"]) == sorted(each.type for each in DEFINITIONS)
    assert len(document["operations"]) == len(DEFINITIONS)


def test_asyncapi_refers_only_to_what_it_holds() -> None:
    document = asyncapi_document(DEFINITIONS, "1.0")

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [found for value in node.values() for found in references(value)]
        if isinstance(node, list):
            return [found for value in node for found in references(value)]
        return []

    files = {f"./{each.type}.json" for each in DEFINITIONS}
    for reference in references(document):
        if reference.startswith("./"):
            assert reference in files
            continue
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
