"""Writes the golden receipts anew: `python -m tests.unit.device_gateway.printing.write_goldens`.

Do it when the bytes have changed on purpose, and look at `git diff --stat` and at the pictures of a simulator before
committing: tests compare every byte of every language and width with these files.
"""

from __future__ import annotations

from pathlib import Path

from device_gateway.drivers.printer.escpos.encoder import Habits, Paper, encoded
from device_gateway.drivers.printer.escpos.profiles import profile_named
from tests.unit.device_gateway.printing.receipts import LANGUAGES, receipt

FOLDER = Path(__file__).parent / "goldens"
PROFILES = {80: "TM-T20II", 58: "Sunmi-V2"}
NAMES = [(language, paper_mm) for language in LANGUAGES for paper_mm in PROFILES]


def golden(language: str, paper_mm: int) -> Path:
    """The file of a golden."""
    return FOLDER / f"receipt-{language}-{paper_mm}mm.bin"


def bytes_of(language: str, paper_mm: int) -> bytes:
    """The receipt as it is encoded now. Only rows that need it are drawn: the files stay small, and hold both kinds."""
    profile = profile_named(PROFILES[paper_mm], {})
    paper = Paper(*profile.paper(paper_mm))
    return encoded(receipt(language), profile, paper, Habits(draws_whole_documents=False), None).data


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in NAMES:
        golden(*each).write_bytes(bytes_of(*each))
