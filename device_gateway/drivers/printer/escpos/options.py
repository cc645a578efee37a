"""What devices.toml may say of an ESC/POS printer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from device_gateway.drivers.interface import DriverOptions
from device_gateway.drivers.lines import SerialSettings
from device_gateway.drivers.printer.escpos.encoder import Cut

Seconds = Annotated[float, Field(gt=0, le=600)]


class EscposOptions(DriverOptions):
    """Only `address` is needed; README.md explains the others."""

    address: str = Field(
        min_length=1,
        description='where it is: "usb:04b8:0e15" wherever it is plugged in, "/dev/usb/lp0", "/dev/ttyUSB0", '
        '"tcp://192.0.2.20:9100" or "file:receipts.bin"',
    )
    profile: str | None = Field(
        None, description="the model, as python-escpos names it, such as TM-T20II; by its USB id if it is not said"
    )
    paper_mm: Literal[58, 80] = Field(80, description="the width of the paper")
    columns: int | None = Field(None, ge=16, le=96, description="characters on a row, if the profile is wrong")
    dots: int | None = Field(None, ge=128, le=1024, description="dots across the paper, if the profile is wrong")
    code_pages: dict[int, str] = Field(
        default_factory=dict, description='code pages by their ESC t number, if the profile is wrong: {"18" = "CP852"}'
    )
    cut: Cut = Field("partial", description="full, partial or none")
    native_qr: bool | None = Field(None, description="whether it draws QR codes itself, if the profile is wrong")
    draw: Literal["rows", "document"] | None = Field(
        None,
        description="where a character is missing: draw its row, or the whole document (rows on a serial line, else "
        "document)",
    )
    cancel_two_byte_characters: bool | None = Field(
        None, description="whether it must be told not to take two bytes for a Chinese character; all but Epson's are"
    )

    baud: int = Field(9600, ge=1200, le=921_600, description="the speed of a serial line")
    parity: Literal["none", "even", "odd"] = "none"
    flow_control: Literal["none", "hardware", "software"] = "none"

    has_status: bool = Field(True, description="false for a printer that never answers")
    tells_changes: bool = Field(True, description="false for one that does not know automatic status back")
    has_process_id: bool | None = Field(None, description="whether it answers GS ( H, if the profile is wrong")

    drawer_pin: Literal[2, 5] = Field(2, description="the pin that opens the drawer")
    drawer_on_ms: int = Field(100, ge=2, le=510, description="the length of the pulse")
    drawer_off_ms: int = Field(100, ge=2, le=510, description="the pause after it")
    drawer_sensor: Literal["none", "high_is_open", "low_is_open"] = Field(
        "none", description="what pin 3 means; none without a drawer that has a sensor"
    )

    connect_timeout_s: Seconds = 3.0
    write_timeout_s: Seconds = 5.0
    answer_timeout_s: Seconds = Field(1.0, description="how long it may take to answer a question for its state")
    forget_question_s: Seconds = Field(10.0, description="after that an answer will not come any more")
    confirm_timeout_s: Seconds = Field(20.0, description="how long it may print, once it has everything")
    recovery_limit_s: Seconds = Field(60.0, description="how long paper may be missing in the middle of a document")

    @property
    def serial(self) -> SerialSettings:
        """How a serial line is set."""
        return SerialSettings(baud=self.baud, parity=self.parity, flow_control=self.flow_control)
