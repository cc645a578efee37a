"""What devices.toml says of a device on a serial line, whatever its kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from device_gateway.drivers.interface import DriverOptions
from device_gateway.drivers.lines import Line, SerialSettings, open_line

LineAddress = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SerialOptions(DriverOptions):
    """Where the device is; how the port is set is the driver's to say."""

    address: LineAddress = Field(
        description='where it is: "usb:05e0:1701" wherever it is plugged in, "/dev/ttyUSB0", or "tcp://192.0.2.20:4001"'
    )
    connect_timeout_s: Annotated[float, Field(gt=0, le=60, description="how long a network line may take to open")] = 3
    write_timeout_s: Annotated[float, Field(gt=0, le=60, description="how long it may take nothing")] = 2

    def open(self, settings: SerialSettings) -> Line:
        """Open the line. Raises DeviceAbsent or DeviceMisconfigured."""
        return open_line(
            self.address,
            serial=settings,
            connect_timeout_s=self.connect_timeout_s,
            write_timeout_s=self.write_timeout_s,
        )
