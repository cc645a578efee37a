"""The OpenAPI documents of all services, made without a database, and their operations."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, TypeAlias

import schemathesis
from schemathesis import APIOperation, Case
from schemathesis.core.result import Ok

from libs.host.migration import unconnected_services
from libs.host.registry import all_services
from libs.host.settings import HostSettings

Json = dict[str, Any]
Operation: TypeAlias = "APIOperation[Any, Any, Any, Any]"
Request: TypeAlias = "Case[Operation]"

STREAMS = "it goes on until the client leaves, so that there is no whole answer to check"
NOT_CALLED = {
    "GET /sales/v1/baskets/{basket_id}/events": STREAMS,
    "GET /catalog/v1/imports/{import_id}/progress": STREAMS,
}
"""Operations that are not called, and why."""


def _documents() -> dict[str, Json]:
    services = unconnected_services(all_services(), HostSettings())
    return {service.definition.name: service.app.openapi() for service in services}


DOCUMENTS = _documents()
"""By service."""


def documented() -> Iterator[tuple[str, Json]]:
    """Every operation that is documented: its label, such as "GET /sales/v1/sales", and what is said of it."""
    for document in DOCUMENTS.values():
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                yield f"{method.upper()} {path}", operation


def _callable() -> Iterator[Operation]:
    for document in DOCUMENTS.values():
        # Who may call is tested apart: no generated header shall stand in the way of a good token.
        public = deepcopy(document)
        for operations in public["paths"].values():
            for operation in operations.values():
                operation.pop("security", None)
        for result in schemathesis.openapi.from_dict(public, config=schemathesis.Config()).get_all_operations():
            assert isinstance(result, Ok), result
            operation = result.ok()
            if operation.label not in NOT_CALLED:
                yield operation


OPERATIONS = {operation.label: operation for operation in _callable()}
"""Every operation that can be called and gives a whole answer, by label."""
