"""The link to acquirers that speak ISO 8583: see README.md."""

from services.payments.gateways.acquirer.acquirer import Acquirer, LinkView, WatchLinks
from services.payments.gateways.acquirer.dialect import Dialect, DialectWrong, read_dialect
from services.payments.gateways.acquirer.link import Address, Answered, Exchange, LinkLimits, Unanswered, Unsent
from services.payments.gateways.acquirer.mac import MacKey

__all__ = [
    "Acquirer",
    "Address",
    "Answered",
    "Dialect",
    "DialectWrong",
    "Exchange",
    "LinkLimits",
    "LinkView",
    "MacKey",
    "Unanswered",
    "Unsent",
    "WatchLinks",
    "read_dialect",
]
