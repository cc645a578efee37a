"""Unit tests see no settings of the machine they run on, nor of a long-lived shop that another test has opened."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.startswith("TILLSTREAM_") and not variable.startswith("TILLSTREAM_TEST_"):
            monkeypatch.delenv(variable)
