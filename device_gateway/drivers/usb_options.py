"""How devices.toml names a device that is plugged in: by its path, or by what stays when it is plugged in elsewhere."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured, DriverOptions
from device_gateway.drivers.lines import Line, SerialSettings, open_line
from device_gateway.drivers.manifests import HexWord
from device_gateway.hotplug import SeveralFit, UsbMatch, node_of

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class UsbOptions(DriverOptions):
    """Where the device is: `line`, or one or more of `vendor`, `product`, `serial_number`, `port_path`."""

    line: Text | None = Field(
        default=None,
        description="its device file, such as /dev/ttyUSB0 or one in /dev/serial/by-id, or tcp://192.0.2.20:4001",
    )
    vendor: HexWord | None = Field(default=None, description="its USB vendor id, four hexadecimal digits, e.g. 05e0")
    product: HexWord | None = Field(default=None, description="its USB product id, four hexadecimal digits")
    serial_number: Text | None = Field(default=None, description="its USB serial number: it is then found anywhere")
    port_path: Text | None = Field(default=None, description="the USB port it is plugged into, e.g. 1-1.4")

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named = (self.vendor, self.product, self.serial_number, self.port_path)
        if self.line is None and not any(named):
            raise ValueError(
                'say where the device is: line = "/dev/ttyUSB0", or vendor and product (and serial_number or port_path)'
            )
        if self.line is not None and any(named):
            raise ValueError("say where the device is either by line or by its USB ids, not by both")
        return self

    def path(self, subsystem: str) -> str:
        """The device file or address now. Raises DeviceAbsent, or DeviceMisconfigured if several fit."""
        if self.line is not None:
            return self.line
        try:
            node = node_of(UsbMatch(self.vendor, self.product, self.serial_number, self.port_path), subsystem)
        except SeveralFit as several:
            raise DeviceMisconfigured(
                f"Several devices like {self._named()} are plugged in, at {several}: add port_path or serial_number "
                "of the one that is meant."
            ) from several
        if node is None:
            raise DeviceAbsent(f"No USB device {self._named()} is plugged in.")
        return node

    def _named(self) -> str:
        ids = f"{self.vendor or '*'}:{self.product or '*'}"
        serial = f" with serial number {self.serial_number}" if self.serial_number else ""
        port = f" at port {self.port_path}" if self.port_path else ""
        return f"{ids}{serial}{port}"


class SerialOptions(UsbOptions):
    """A device on a serial line; how the port is set is the driver's to say."""

    connect_timeout_s: Annotated[float, Field(gt=0, le=60, description="how long a network line may take to open")] = 3
    write_timeout_s: Annotated[float, Field(gt=0, le=60, description="how long it may take nothing")] = 2

    def open(self, settings: SerialSettings) -> Line:
        """Open the line. Raises DeviceAbsent or DeviceMisconfigured."""
        return open_line(
            self.path("tty"),
            serial=settings,
            connect_timeout_s=self.connect_timeout_s,
            write_timeout_s=self.write_timeout_s,
        )
