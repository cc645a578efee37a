"""What the routes of payments ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Request
from pydantic import Field, StringConstraints

from libs.contracts.values import LARGEST_MINOR
from libs.web.authentication import TokenVerifier
from libs.web.principal import Approval, Principal
from libs.web.transactions import resource
from services.payments.settings import PaymentsSettings

Settings = Annotated[PaymentsSettings, resource(PaymentsSettings)]

PositiveMinor = Annotated[int, Field(strict=True, ge=1, le=LARGEST_MINOR, examples=[2_500])]
PlainText = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
TerminalName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$"), Field(examples=["card-terminal"])]
ApprovalText = Annotated[str, StringConstraints(min_length=1, max_length=4_000)]


async def verified(request: Request, text: str | None) -> Approval | None:
    """The approval in a request's body, if there is one. Raises Invalid for one that does not hold."""
    verifier: TokenVerifier = request.app.state.context.verifier
    return None if text is None else await verifier.verify_approval(text)


def stores_of(caller: Principal) -> Sequence[UUID] | None:
    """The stores whose payments the caller may see; None for all."""
    if caller.all_stores:
        return None
    return sorted({*caller.store_ids, *([caller.store_id] if caller.store_id else [])})
