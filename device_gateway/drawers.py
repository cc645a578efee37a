"""Opening drawers, and noticing who opened them: the duty of a drawer with a line of its own, and a printer's part."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import cast
from uuid import UUID

import structlog

from device_gateway.domain.drawer_watch import BY_HAND, DrawerWatch
from device_gateway.domain.observations import DrawerSeen, Observation
from device_gateway.domain.orders import DrawerOpening, OpeningState, Trail
from device_gateway.domain.print_job import is_expired
from device_gateway.drivers.interface import Device, DeviceAbsent, DeviceError, Drawer
from device_gateway.duties import Listening, Post
from libs.persistence import new_id
from libs.testkit.faults import fault_point

log = structlog.get_logger(__name__)

DID_NOT_OPEN = "The drawer was told to open and stayed shut. Is it locked, or its cable pulled?"
CUT_OFF = "The line broke while the drawer was told to open. Look whether it is open."


class DrawerKeeper:
    """The drawer behind one device. `kick` opens it; `look` says what its sensor sees, None without one."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._watch = DrawerWatch(post.settings.drawer_window_s)
        self._may_wait = threading.Event()
        self._may_wait.set()

    def woken(self) -> None:
        """An opening may wait. Called from any thread."""
        self._may_wait.set()

    def open_next(self, kick: Callable[[], None], look: Callable[[], bool | None]) -> bool:
        """Carry out the opening that has waited longest; false if none waits. Raises DeviceAbsent."""
        if not self._may_wait.is_set():
            return False
        self._may_wait.clear()
        with self._post.journal.step() as step:
            waiting = step.waiting_openings(self._post.placed.name)
            if not waiting:
                return False
            self._may_wait.set()
            if is_expired(waiting[0].expires_at, step.now):
                step.save_opening(waiting[0].to(OpeningState.EXPIRED, step.now))
                return True
            opening = waiting[0].to(OpeningState.OPENING, step.now)
            step.save_opening(opening)
        self.kick(opening, kick)
        self.settle(opening, look)
        return True

    def kick(self, opening: DrawerOpening, kick: Callable[[], None]) -> None:
        """Tell the drawer to open; the opening is in the journal as begun. Raises DeviceAbsent."""
        fault_point("gateway_after_drawer_intent")
        self._watch.kicked(self._post.journal.clock())
        try:
            kick()
        except DeviceError as error:
            with self._post.journal.step() as step:
                reason = CUT_OFF if isinstance(error, DeviceAbsent) else str(error)
                step.save_opening(opening.to(OpeningState.UNKNOWN, step.now, reason))
            raise
        fault_point("gateway_after_drawer_kick")

    def settle(self, opening: DrawerOpening, look: Callable[[], bool | None]) -> None:
        """Give the sensor time to notice a kick, and write down what became of it."""
        waiting = threading.Event()
        deadline_s = self._post.settings.drawer_seen_s
        while deadline_s > 0:
            seen = look()
            if seen is None:
                break
            self.seen(seen)
            if self._watch.outcome() == "opened":
                break
            waiting.wait(min(self._post.settings.poll_s, deadline_s))
            deadline_s -= self._post.settings.poll_s
        outcome = OpeningState(self._watch.outcome())
        with self._post.journal.step() as step:
            detail = DID_NOT_OPEN if outcome is OpeningState.FAILED else None
            step.save_opening(opening.to(outcome, step.now, detail))

    def seen(self, is_open: bool) -> None:
        """Take note of the sensor; an opening that nobody asked for is reported."""
        before = self._watch.open
        by_hand = self._watch.opened_by_hand(is_open, self._post.journal.clock())
        placed = self._post.placed
        if before != is_open:
            self._post.live.publish(placed.till_ids, {"type": "drawer", "device": placed.name, "open": is_open})
        if not by_hand or not placed.till_ids:
            return
        with self._post.journal.step() as step:
            opening_id: UUID = new_id()
            step.add_opening(
                DrawerOpening(
                    opening_id=opening_id,
                    till_id=placed.till_ids[0],
                    drawer=placed.name,
                    reason=BY_HAND,
                    received_at=step.now,
                    changed_at=step.now,
                    trail=Trail(str(opening_id)),
                    state=OpeningState.OPENED,
                )
            )

    def trust_sensor(self) -> None:
        """The driver knows that there is a sensor."""
        self._watch.has_sensor = True


class DrawerDuty(Listening):
    """The duty of a drawer with a line of its own."""

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self._keeper = DrawerKeeper(post)

    def opened(self, device: Device) -> None:
        """See how it stands, and whether an opening waits since before it was gone."""
        self._keeper.woken()
        seen = cast("Drawer", device).seen()
        if seen is not None:
            self._keeper.trust_sensor()
            self._keeper.seen(seen.open)

    def turn(self, device: Device) -> bool:
        """Open it, if somebody wants it open."""
        drawer = cast("Drawer", device)

        def look() -> bool | None:
            seen = drawer.seen()
            return None if seen is None else seen.open

        return self._keeper.open_next(drawer.open_drawer, look)

    def observed(self, observation: Observation) -> None:
        """Follow its sensor."""
        if isinstance(observation, DrawerSeen):
            self._keeper.seen(observation.open)

    def woken(self) -> None:
        """An opening may wait."""
        self._keeper.woken()
