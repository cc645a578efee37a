"""When an unknown outcome is asked for again: soon at first, then ever more rarely, never not at all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InquirySchedule:
    """Pauses between inquiries: the first, then twice as long each time, up to the longest. All in seconds."""

    first_pause_s: float
    longest_pause_s: float

    def pause_s(self, asked: int) -> float:
        """How long to wait after the inquiry number `asked` (1 is the first)."""
        # Beyond 2^30 the longest pause has been reached by any setting.
        doubled: float = self.first_pause_s * (1 << min(asked - 1, 30))
        return min(self.longest_pause_s, doubled)
