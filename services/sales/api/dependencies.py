"""What the routes of sales ask for."""

from typing import Annotated

from libs.web.live import LiveFeed
from libs.web.transactions import resource
from services.sales.price_books import PriceBooks
from services.sales.settings import SalesSettings

Books = Annotated[PriceBooks, resource(PriceBooks)]
Feed = Annotated[LiveFeed, resource(LiveFeed)]
Settings = Annotated[SalesSettings, resource(SalesSettings)]
