"""What embedded mode sets by itself, because all services are together."""

from __future__ import annotations

import pytest

from libs.host.embedded import defaults_of
from libs.host.registry import service_definition
from libs.host.settings import load_settings
from services.sales.settings import LOCAL_TENDERS, SalesSettings


def kinds_taken_beside(*services: str) -> set[str]:
    settings = load_settings(SalesSettings, defaults_of([service_definition(name) for name in services]))
    return {kind.value for kind in settings.tender_kinds}


def test_tills_take_cards_where_payments_runs_beside_sales() -> None:
    assert kinds_taken_beside("sales", "payments") == {*LOCAL_TENDERS, "card"}
    assert kinds_taken_beside("sales") == LOCAL_TENDERS


def test_an_operator_who_takes_no_cards_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLSTREAM_SALES_TENDER_KINDS", '["cash"]')
    assert kinds_taken_beside("sales", "payments") == {"cash"}
