"""The template is a driver like any other, and certainly charges nobody."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

import pytest

from device_gateway.domain.card_operations import CardOperation, NotSent
from device_gateway.drivers.manifests import load_driver, manifests
from device_gateway.drivers.terminal.template.codec import request_for
from libs.contracts.terminals import TerminalAction


@pytest.mark.parametrize("name", ["template", "inpas", "process_and_files"])
def test_the_manifest_is_right_and_the_driver_can_be_loaded(name: str) -> None:
    assert manifests()[name].kind == "terminal"
    assert callable(load_driver(name).open_device)


@pytest.mark.parametrize("action", get_args(TerminalAction))
def test_the_template_sends_nothing_whatever_it_is_asked(action: TerminalAction) -> None:
    assert isinstance(request_for(CardOperation(UUID(int=1), action, "EUR", 100, "A1")), NotSent)
