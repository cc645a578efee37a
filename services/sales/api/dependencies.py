"""What the routes of sales ask for."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Request

from libs.web.authentication import TokenVerifier
from libs.web.live import LiveFeed
from libs.web.principal import Approval
from libs.web.transactions import resource
from services.sales.price_books import PriceBooks
from services.sales.settings import SalesSettings

Books = Annotated[PriceBooks, resource(PriceBooks)]
Feed = Annotated[LiveFeed, resource(LiveFeed)]
Settings = Annotated[SalesSettings, resource(SalesSettings)]


async def verified(request: Request, texts: Sequence[str]) -> list[Approval]:
    """The approvals in a request's body. Raises Invalid for one that does not hold."""
    verifier: TokenVerifier = request.app.state.context.verifier
    return [await verifier.verify_approval(text) for text in texts]


async def verified_one(request: Request, text: str | None) -> Approval | None:
    """The approval in a request's body, if there is one. Raises Invalid for one that does not hold."""
    return None if text is None else (await verified(request, [text]))[0]
