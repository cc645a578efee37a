"""What lies on a simulated scale, and what a person may type to change it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

TYPING = "Each line is a load: 1250 (grams), 1.25 kg, -30, empty; moving and stable. Example: 1250"
_LOAD = re.compile(r"(-?[0-9]{1,6}(?:\.[0-9]{1,3})?)\s*(kg|g)?", re.IGNORECASE)
_WRONG = "Type a load, such as 1250, 1250 g, 1.25 kg, -30 or empty; or moving or stable."


@dataclass
class Load:
    """Grams on the platform and whether it rests; `zero_g` is what the scale calls zero."""

    gross_g: int = 0
    moving: bool = False
    zero_g: int = 0
    capacity_g: int = 15_000

    @property
    def shown_g(self) -> int:
        """What it weighs from its zero."""
        return self.gross_g - self.zero_g

    def typed(self, text: str) -> None:
        """Change it as a person asks. Raises ValueError with a sentence."""
        word = text.strip().lower()
        if word in ("moving", "stable"):
            self.moving = word == "moving"
            return
        found = _LOAD.fullmatch("0" if word == "empty" else word)
        if found is None:
            raise ValueError(_WRONG)
        grams = Decimal(found.group(1)) * (1000 if found.group(2) == "kg" else 1)
        if grams != grams.to_integral_value():
            raise ValueError("A load is whole grams.")
        self.gross_g, self.moving = int(grams), False
