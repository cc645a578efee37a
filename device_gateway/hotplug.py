"""Which devices are plugged in, where each of them is to be found, and who hears when that changes.

A USB device is known by its serial number, or by vendor, product and the port it is plugged into: so it keeps its
logical name although Linux calls it /dev/ttyUSB0 today and /dev/ttyUSB1 tomorrow. Linux tells changes through udev;
where there is none (a container, another system), paths are looked at instead.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured
from device_gateway.drivers.manifests import Manifest, UsbId

log = structlog.get_logger(__name__)

SUBSYSTEMS = ("tty", "input", "usbmisc", "hidraw")
# A device that is plugged in again is used again within 2 s; looking is a fraction of that.
LOOK_EVERY_S = 0.25
LONGEST_LOOK_EVERY_S = 0.5
# udev announces each of the nodes of one device; they are told together.
_SETTLE_S = 0.05


@dataclass(frozen=True, slots=True)
class PluggedDevice:
    """A device node of something plugged in by USB.

    `vendor` and `product` are four hexadecimal digits, `port_path` is the place it is plugged into (`1-1.4`), `node`
    the device file, and `subsystem` what Linux takes it for: `tty`, `input`, `usbmisc`, `hidraw`.
    """

    vendor: str
    product: str
    serial: str | None
    port_path: str
    node: str
    subsystem: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class UsbMatch:
    """Which device is meant; what is None does not matter. One field at least should be given."""

    vendor: str | None = None
    product: str | None = None
    serial: str | None = None
    port_path: str | None = None

    def fits(self, plugged: PluggedDevice) -> bool:
        """Whether this is the one."""
        wanted = (
            (self.vendor, plugged.vendor),
            (self.product, plugged.product),
            (self.serial, plugged.serial),
            (self.port_path, plugged.port_path),
        )
        return all(mine is None or mine == theirs for mine, theirs in wanted)

    @property
    def address(self) -> str:
        """As it is written in devices.toml: `usb:05e0:1701`, `usb:0403:6001:A900`, `usb:05e0:1200@1-1.3`."""
        serial = f":{self.serial}" if self.serial else ""
        return f"usb:{self.vendor or '*'}:{self.product or '*'}{serial}{f'@{self.port_path}' if self.port_path else ''}"


USB = "usb:"
_SERIAL = re.compile(r"[^:@\s]+")
_USB_ADDRESS = re.compile(
    r"usb:(?P<vendor>[0-9a-f]{4}|\*):(?P<product>[0-9a-f]{4}|\*)(?::(?P<serial>[^:@\s]+))?(?:@(?P<port>[0-9]+-[0-9.]+))?",
    re.IGNORECASE,
)


def read_usb_address(address: str) -> UsbMatch:
    """The device that an address means; `*` for any vendor or product. Raises DeviceMisconfigured."""
    found = _USB_ADDRESS.fullmatch(address.strip())
    if found is None:
        raise DeviceMisconfigured(
            f"{address!r} is no USB address: write usb:VENDOR:PRODUCT as lsusb shows them, e.g. usb:05e0:1701; with "
            ":SERIAL or @PORT behind it where several are alike, e.g. usb:0403:6001:A900 or usb:05e0:1200@1-1.3."
        )
    vendor, product = (None if found[name] == "*" else found[name].lower() for name in ("vendor", "product"))
    return UsbMatch(vendor, product, found["serial"], found["port"])


class SeveralFit(DeviceMisconfigured):
    """More than one device fits what is written; the text says what would tell them apart."""


def node_of(match: UsbMatch, subsystems: Collection[str], plugged: Iterable[PluggedDevice] | None = None) -> str | None:
    """The device file of the one that is meant; None if it is not plugged in. Raises SeveralFit.

    Where one device has several nodes the first by name is meant.
    """
    fitting = [one for one in (present() if plugged is None else plugged) if one.subsystem in subsystems]
    fitting = sorted((one for one in fitting if match.fits(one)), key=lambda one: (len(one.node), one.node))
    ports = sorted({f"{one.port_path} ({one.serial or 'no serial number'})" for one in fitting})
    if len(ports) > 1:
        raise SeveralFit(
            f"Several devices like {match.address} are plugged in, at the ports {', '.join(ports)}: add :SERIAL or "
            "@PORT of the one that is meant."
        )
    return fitting[0].node if fitting else None


def device_file(address: str, subsystems: Collection[str]) -> str:
    """Where an address leads now: the device file of a `usb:` address, any other as it is.

    Raises DeviceAbsent, or DeviceMisconfigured if it cannot be read or several fit.
    """
    if not address.lower().startswith(USB):
        return address
    match = read_usb_address(address)
    node = node_of(match, subsystems)
    if node is None:
        raise DeviceAbsent(f"No device {match.address} is plugged in. Plug it in and switch it on.")
    return node


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A driver that can drive what is plugged in: what plug and play would configure."""

    driver: str
    kind: str
    title: str
    plugged: PluggedDevice

    @property
    def match(self) -> UsbMatch:
        """How to find it again: by its serial number, or by the port where it has none.

        Its `address` is what stands in devices.toml.
        """
        one = self.plugged
        if one.serial and _SERIAL.fullmatch(one.serial):
            return UsbMatch(one.vendor, one.product, serial=one.serial)
        return UsbMatch(one.vendor, one.product, port_path=one.port_path)


# What a driver opens, by the ways that its manifest lists.
_SUBSYSTEM_OF_LINE: Mapping[str, str] = {"serial": "tty", "hid": "input", "usb": "usbmisc"}


def suggestions(manifests: Iterable[Manifest], plugged: Iterable[PluggedDevice] | None = None) -> list[Suggestion]:
    """A driver for each plugged-in device whose USB ids stand in a manifest; ids with a product go before vendors."""
    there = list(present() if plugged is None else plugged)
    known = [(manifest, usb) for manifest in manifests for usb in manifest.usb]
    known.sort(key=lambda pair: pair[1].product is None)
    found: dict[tuple[str, str], Suggestion] = {}
    for manifest, usb in known:
        subsystems = {_SUBSYSTEM_OF_LINE[line] for line in manifest.lines if line in _SUBSYSTEM_OF_LINE}
        for one in there:
            if one.subsystem in subsystems and _is(usb, one):
                key = (one.port_path, one.subsystem)
                found.setdefault(key, Suggestion(manifest.name, manifest.kind, usb.title, one))
    return [found[key] for key in sorted(found)]


def _is(usb: UsbId, plugged: PluggedDevice) -> bool:
    return usb.vendor == plugged.vendor and usb.product in (None, plugged.product)


def present() -> list[PluggedDevice]:
    """What is plugged in now; empty where udev cannot tell."""
    context = _context()
    if context is None:
        return []
    found = (plugged_device(device) for name in SUBSYSTEMS for device in context.list_devices(subsystem=name))
    return sorted((one for one in found if one is not None), key=lambda one: (one.port_path, one.node))


def plugged_device(device: Any) -> PluggedDevice | None:
    """A pyudev device as ours; None for one without a node, not on USB, or an input that is no event node."""
    node, name = device.device_node, device.sys_name
    if not node or (device.subsystem == "input" and not name.startswith("event")):
        return None
    parent = device.find_parent("usb", "usb_device")
    if parent is None:
        return None
    return PluggedDevice(
        vendor=(_attribute(parent, "idVendor") or "").lower(),
        product=(_attribute(parent, "idProduct") or "").lower(),
        serial=_attribute(parent, "serial"),
        port_path=parent.sys_name,
        node=node,
        subsystem=device.subsystem,
        title=" ".join(filter(None, (_attribute(parent, "manufacturer"), _attribute(parent, "product")))),
    )


def _attribute(device: Any, name: str) -> str | None:
    try:
        return device.attributes.asstring(name).strip() or None
    except (KeyError, UnicodeDecodeError, OSError):
        return None


def _context() -> Any:
    """Udev's library and its access to the system, or None where there is none."""
    try:
        import pyudev

        return pyudev.Context()
    except (ImportError, OSError) as error:
        log.debug("no_udev", error=str(error))
        return None


@dataclass(frozen=True, slots=True)
class Change:
    """Something has changed: nodes and watched paths that have `appeared` or `vanished`.

    A path that leads elsewhere than before is in both.
    """

    appeared: frozenset[str] = frozenset()
    vanished: frozenset[str] = frozenset()


class HotPlug:
    """Watches in a thread of its own and calls `on_change` from it, with what has appeared and vanished.

    `paths` says which paths to look at beside udev, each time anew: those of the configured devices. What `on_change`
    raises ends the thread, so it should only wake somebody.
    """

    def __init__(
        self,
        on_change: Callable[[Change], None],
        paths: Callable[[], Collection[str]] = tuple,
        *,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._on_change = on_change
        self._paths = paths
        self._look_every_s = min(look_every_s, LONGEST_LOOK_EVERY_S)
        self._stopping = threading.Event()
        self._seen: dict[str, str | None] = {}
        self._thread = threading.Thread(target=self._run, name="hot plug", daemon=True)

    def start(self) -> None:
        """Begin. What is there already is no change."""
        self._seen = _look(self._paths())
        self._thread.start()

    def stop(self) -> None:
        """End; returns once the thread has ended, after LONGEST_LOOK_EVERY_S at most."""
        self._stopping.set()
        self._thread.join(2 * LONGEST_LOOK_EVERY_S)

    def _run(self) -> None:
        monitor = _monitor()
        while not self._stopping.is_set():
            appeared, vanished = self._told_by_udev(monitor)
            for path, (before, now) in self._looked():
                if before is not None:
                    vanished.add(path)
                if now is not None:
                    appeared.add(path)
            if (appeared or vanished) and not self._stopping.is_set():
                self._on_change(Change(frozenset(appeared), frozenset(vanished)))

    def _told_by_udev(self, monitor: Any) -> tuple[set[str], set[str]]:
        """Wait for udev, or for the time to look again."""
        appeared: set[str] = set()
        vanished: set[str] = set()
        if monitor is None:
            self._stopping.wait(self._look_every_s)
            return appeared, vanished
        device = monitor.poll(timeout=self._look_every_s)
        until = time.monotonic() + _SETTLE_S
        while device is not None:
            if device.device_node and device.action == "add":
                appeared.add(device.device_node)
            elif device.device_node and device.action == "remove":
                vanished.add(device.device_node)
            device = monitor.poll(timeout=max(0.0, until - time.monotonic()))
        return appeared, vanished

    def _looked(self) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
        """The paths that have changed, with where they led before and lead now; a new path is no change."""
        before, self._seen = self._seen, _look(self._paths())
        for path, now in self._seen.items():
            if path in before and before[path] != now:
                yield path, (before[path], now)


def _look(paths: Collection[str]) -> dict[str, str | None]:
    return {path: _where(path) for path in paths}


def _where(path: str) -> str | None:
    """What a path leads to: the same text for the same device, None for nothing."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    # The time tells two apart that got the same number one after the other.
    return f"{os.path.realpath(path)} {status.st_rdev} {status.st_ctime_ns}"


def _monitor() -> Any:
    context = _context()
    if context is None:
        return None
    import pyudev

    with contextlib.suppress(OSError):
        monitor = pyudev.Monitor.from_netlink(context)
        for subsystem in SUBSYSTEMS:
            monitor.filter_by(subsystem)
        monitor.start()
        return monitor
    return None
