"""A simulated nexo terminal and the driver for it, as the tests use them."""

from __future__ import annotations

from typing import Any

from device_gateway.drivers.terminal.nexo.driver import NexoOptions, NexoTerminal, open_nexo
from device_gateway.drivers.terminal.nexo.protection import derive_key
from device_gateway.drivers.terminal.nexo.simulator import NexoSimulator, NexoSimulatorOptions
from device_gateway.simulators import Faults

_KEY = derive_key("mykey", 1, "mypassphrase")


def simulator(faults: Faults | None = None, **options: Any) -> NexoSimulator:
    """A fresh terminal."""
    return NexoSimulator(NexoSimulatorOptions(**options), faults, key=_KEY)


def options_for(where: str, **options: Any) -> NexoOptions:
    """Options of a driver for the terminal at an address."""
    return NexoOptions.model_validate(
        {
            "address": where,
            "sale_id": "till-1",
            "poi_id": "V400m-324688179",
            "key_identifier": "mykey",
            "key_version": 1,
            "passphrase": "mypassphrase",
            "connect_timeout_s": 2,
            "operation_timeout_s": 2,
            "inquiry_timeout_s": 2,
            **options,
        }
    )


def opened(address: str, **options: Any) -> NexoTerminal:
    """A driver for the terminal there."""
    return open_nexo(options_for(address, **options))
