"""The driver of ESC/POS receipt printers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from uuid import UUID

from device_gateway.domain.observations import SILENT, Encoded, Observation, PrinterStatus, PrintOutcome
from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured, Driver
from device_gateway.drivers.lines import Line, LineBroken, LineStalled, open_line
from device_gateway.drivers.printer.escpos import commands, encoder
from device_gateway.drivers.printer.escpos.encoder import Habits, Paper
from device_gateway.drivers.printer.escpos.options import EscposOptions
from device_gateway.drivers.printer.escpos.printing import SILENCE, Limits, Sending
from device_gateway.drivers.printer.escpos.profiles import Profile, profile_at, profile_named
from device_gateway.drivers.printer.escpos.replies import DrawerSensor
from device_gateway.drivers.printer.escpos.talk import Talk
from libs.contracts.printing import PrintedDocument

# A printer whose line broke waits for the rest of a command; these complete it, and mean nothing else.
_REST_OF_A_COMMAND = bytes(encoder.BAND_BYTES + 64)
_LEAST_CELL_DOTS = 6
_SERIAL_PORTS = ("/dev/tty", "/dev/serial")


class EscposPrinter:
    """An ESC/POS printer on an open line."""

    def __init__(
        self, line: Line, options: EscposOptions, profile: Profile, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._line = line
        self._options = options
        self._profile = profile
        self._clock = clock
        sensor = None if options.drawer_sensor == "none" else DrawerSensor(options.drawer_sensor == "high_is_open")
        self._has_status = options.has_status and line.answers
        self._talk = Talk(
            line,
            sensor=sensor,
            answer_timeout_s=options.answer_timeout_s,
            forget_s=options.forget_question_s,
            clock=clock,
        )
        self._limits = Limits(
            confirm_timeout_s=options.confirm_timeout_s,
            recovery_limit_s=options.recovery_limit_s,
            has_status=self._has_status,
            has_process_id=profile.has_process_id if options.has_process_id is None else options.has_process_id,
        )

    def start(self) -> None:
        """Make the printer forget half a command, and have it tell its changes. Raises DeviceAbsent."""
        if not self._line.answers:
            return
        try:
            self._line.write(_REST_OF_A_COMMAND)
            if self._has_status and self._options.tells_changes:
                self._line.write(commands.TELL_EVERY_CHANGE)
        except LineStalled:
            # It has no paper, for instance: asked for its state, it says so.
            return

    def encode(self, document: PrintedDocument, *, duplicate_mark: str | None = None) -> Encoded:
        """See Printer."""
        return encoder.encoded(document, self._profile, self._paper(), self._habits(), duplicate_mark)

    def print(self, job_id: UUID, data: bytes) -> PrintOutcome:
        """See Printer. The printer is asked first; its answer to the last four characters of the job's id is proof."""
        return Sending(self._line, self._talk, self._limits, self._clock).outcome(data, job_id.hex[-4:].encode())

    def status(self) -> PrinterStatus:
        """See Printer."""
        return self._talk.status() if self._has_status else SILENT

    def poll(self, timeout_s: float) -> Iterable[Observation]:
        """See Device: the state as the printer tells it by itself."""
        self._talk.listen(timeout_s)
        told = self._talk.take_told()
        return () if told is None else (told,)

    def kick_drawer(self) -> None:
        """See Printer. A printer that is offline would open the drawer later, when paper is put in: it is told to do it
        now or never.
        """
        options = self._options
        now = False
        if self._has_status:
            status = self._talk.status()
            if not status.answered:
                raise DeviceAbsent(f"{SILENCE} Open the drawer with its key.")
            now = status.online is False
        try:
            self._line.write(
                commands.kick_now(options.drawer_pin, options.drawer_on_ms)
                if now
                else commands.kick(options.drawer_pin, options.drawer_on_ms, options.drawer_off_ms)
            )
        except LineBroken as error:
            raise DeviceAbsent(f"{error} Open the drawer with its key.") from error

    def close(self) -> None:
        """See Device."""
        self._line.close()

    def _paper(self) -> Paper:
        columns, dots = self._profile.paper(self._options.paper_mm)
        return Paper(self._options.columns or columns, self._options.dots or dots)

    def _habits(self) -> Habits:
        options = self._options
        slow = options.address.startswith(_SERIAL_PORTS)
        return Habits(
            cut=options.cut,
            tells_changes=self._has_status and options.tells_changes,
            cancel_two_byte_characters=not self._profile.by_epson
            if options.cancel_two_byte_characters is None
            else options.cancel_two_byte_characters,
            native_qr=self._profile.native_qr if options.native_qr is None else options.native_qr,
            draws_whole_documents=options.draw == "document" or (options.draw is None and not slow),
        )


def open_printer(options: EscposOptions) -> EscposPrinter:
    """Open the line. Raises DeviceAbsent or DeviceMisconfigured, which names a profile or code page that is wrong."""
    profile = profile_named(options.profile or profile_at(options.address), options.code_pages)
    columns, dots = profile.paper(options.paper_mm)
    columns, dots = options.columns or columns, options.dots or dots
    if dots // columns < _LEAST_CELL_DOTS:
        raise DeviceMisconfigured(
            f"columns: {columns} characters do not fit on {dots} dots; correct columns or dots, or leave them away."
        )
    line = open_line(
        options.address,
        serial=options.serial,
        connect_timeout_s=options.connect_timeout_s,
        write_timeout_s=options.write_timeout_s,
    )
    printer = EscposPrinter(line, options, profile)
    try:
        printer.start()
    except DeviceAbsent:
        line.close()
        raise
    return printer


driver = Driver(options=EscposOptions, open_device=open_printer)
