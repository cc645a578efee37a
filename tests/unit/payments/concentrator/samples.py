"""A merchant, a card and moments that several tests use. The card numbers are the schemes' published test numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from services.payments.domain.concentrator.numbers import Trace
from services.payments.domain.concentrator.requests import Card, Merchant, Sent
from services.payments.domain.concentrator.sensitive import CardNumber

PAN = "4111111111111111"
MERCHANT = Merchant("TERM0001", "SHOP00000000001", "5411", "985", acquirer_id="12345")
CARD = Card("012", number=CardNumber(PAN), expiry="2912")
WARSAW = timezone(timedelta(hours=1))
AT = datetime(2026, 3, 2, 12, 15, 30, tzinfo=WARSAW)
TRACE = Trace(42, AT)
SALE = Sent("0200", "000000", 10_000, TRACE, "606111000042", approval_code="A00042")
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
