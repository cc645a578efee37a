"""What the sensor of a drawer means: did our kick open it, or did somebody open it by hand?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

KickOutcome = Literal["opened", "sent", "failed"]
BY_HAND = "by_hand"


@dataclass(slots=True)
class DrawerWatch:
    """Follows one drawer's sensor. `window_s` is how long after a kick an opening drawer is put down to it.

    A printer reports a level on its drawer's plug even with no drawer, or one without a switch, plugged in. Therefore
    only a sensor that has been seen to change, or that `has_sensor` vouches for, may say that a drawer did not open.
    """

    window_s: float
    has_sensor: bool = False
    _open: bool | None = None
    _kicked_at: datetime | None = None

    @property
    def open(self) -> bool | None:
        """As it was seen last; None if never."""
        return self._open

    def kicked(self, now: datetime) -> None:
        """It was told to open."""
        self._kicked_at = now

    def opened_by_hand(self, is_open: bool, now: datetime) -> bool:
        """Take note of what the sensor says; whether this is an opening that nobody asked for."""
        before, self._open = self._open, is_open
        if before is None or before == is_open:
            return False
        self.has_sensor = True
        if not is_open:
            return False
        return self._kicked_at is None or now - self._kicked_at > timedelta(seconds=self.window_s)

    def outcome(self) -> KickOutcome:
        """What became of a kick, after the sensor had time to notice."""
        if not self.has_sensor or self._open is None:
            return "sent"
        return "opened" if self._open else "failed"
