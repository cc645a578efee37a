"""What devices.toml may say of a ZVT terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator

from device_gateway.drivers.interface import DriverOptions
from device_gateway.drivers.serial_options import LineAddress
from device_gateway.drivers.terminal.zvt.messages import NUMERIC_CURRENCIES
from device_gateway.drivers.terminal.zvt.requests import WhereTold

Seconds = Annotated[float, Field(gt=0, le=3600)]
MEMORY_FILE = "memory.json"


class ZvtOptions(DriverOptions):
    """How the terminal is reached, what it is asked for, and how long each step may take."""

    address: LineAddress = Field(description="where it is: tcp://192.0.2.40:20007, or a serial port, /dev/ttyUSB0")
    baud: int = Field(default=9600, description="bits per second of a serial line; it is 8N2")
    password: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] = Field(
        default="000000", description="the six digits of the terminal's cash register password"
    )
    currency: str = "EUR"
    configuration: int = Field(default=0x9E, ge=0, le=0xFF, description="the configuration byte of the registration")
    payment_type: int | None = Field(default=None, ge=0, le=0xFF)
    completion_by: Literal["book_total", "partial_reversal"] = "book_total"
    cash_back: WhereTold = Field(default="if_told", description="whether cash-back is asked of it; see README")
    tip: WhereTold = Field(default="if_told", description="whether it is told a tip apart from the amount; see README")
    partial_approval: bool = Field(default=True, description="whether a card that has less may pay a part")
    memory_file: Path | None = Field(
        default=None, description="what survives a restart of the gateway; in the device's own folder if not set"
    )
    connect_timeout_s: Seconds = 5.0
    write_timeout_s: Seconds = 5.0
    acknowledge_timeout_s: Seconds = 5.0
    answer_timeout_s: Seconds = 180.0
    operation_timeout_s: Seconds = 300.0
    inquiry_timeout_s: Seconds = 60.0
    character_timeout_s: Seconds = 0.2
    frame_attempts: int = Field(default=3, ge=1, le=10)

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, code: str) -> str:
        if code not in NUMERIC_CURRENCIES:
            raise ValueError(f"the currency must be one of {', '.join(NUMERIC_CURRENCIES)}")
        return code

    def kept_in(self, folder: Path) -> Self:
        """See DriverOptions: the memory file, unless another one is named."""
        if self.memory_file is not None:
            return self
        return self.model_copy(update={"memory_file": folder / MEMORY_FILE})
