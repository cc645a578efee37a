"""Stands in for sb_pilot and CommandLineTool: started for one operation, writes its files, ends. Plain Python, alone.

`stub.py sberbank|arcus2 HOME ARGUMENTS...`: HOME holds `ledger` (what was really moved, one JSON object a line), `said`
(one line for each byte count written), `last_slip`, `orders.json` (what goes wrong next, taken away when read) and
`faults.json` (what goes wrong each time).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

ENCODINGS = {"sberbank": "koi8_r", "arcus2": "cp1251"}
MOVES = {
    ("sberbank", "1"): "charge",
    ("sberbank", "3"): "refund",
    ("sberbank", "8"): "reversal",
    ("arcus2", "1"): "charge",
    ("arcus2", "3"): "refund",
    ("arcus2", "4"): "reversal",
}
REPRINTS = (("sberbank", "12"), ("arcus2", "12"))


def main() -> int:
    """Carry one operation out."""
    kind, home, *arguments = sys.argv[1:]
    orders = take_orders(home)
    if "hang" in orders:
        write(os.path.join(home, "hanging"), str(os.getpid()).encode())
        time.sleep(float(orders["hang"]))
    if "killed_before" in orders:
        os.kill(os.getpid(), signal.SIGKILL)
    operation, amount_minor, reference = read_arguments(kind, arguments)
    declined = orders.get("decline")
    moved = MOVES.get((kind, operation))
    if moved and not declined:
        reference = book(home, moved, amount_minor, reference)
    outcome, slip = FILES[kind](declined, amount_minor, reference)
    if (kind, operation) in REPRINTS:
        slip = last_slip(home)
    elif moved and not declined:
        write(os.path.join(home, "last_slip"), slip.encode())
    leave(kind, home, outcome, slip, orders)
    return int(orders.get("exit", 0))


def take_orders(home: str) -> dict[str, Any]:
    """What was ordered for this one run, and for every run."""
    orders: dict[str, Any] = {}
    for name in ("faults.json", "orders.json"):
        path = os.path.join(home, name)
        try:
            with open(path, encoding="ascii") as file:
                orders |= json.load(file)
            if name == "orders.json":
                os.unlink(path)
        except FileNotFoundError:
            continue
    return orders


def read_arguments(kind: str, arguments: list[str]) -> tuple[str, int, str]:
    """Operation, amount in minor units, retrieval reference."""
    if kind == "sberbank":
        reference = arguments[4] if len(arguments) > 4 else ""
        return arguments[0], int(arguments[1]) if len(arguments) > 1 else 0, reference
    named = {argument[1]: argument[2:] for argument in arguments if argument.startswith("/")}
    return named["o"], int(named.get("a", "0")), named.get("x", "")


def book(home: str, moved: str, amount_minor: int, reference: str) -> str:
    """Write it to the ledger; returns the retrieval reference."""
    path = os.path.join(home, "ledger")
    with open(path, "a+", encoding="ascii") as file:
        file.seek(0)
        number = len(file.readlines()) + 1
        reference = reference or f"{number:012d}"
        file.write(json.dumps({"number": number, "kind": moved, "amount_minor": amount_minor}) + "\n")
    return reference


def last_slip(home: str) -> str:
    """The slip of the last transaction; nothing before the first."""
    try:
        with open(os.path.join(home, "last_slip"), encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def sberbank(declined: str | None, amount_minor: int, reference: str) -> tuple[str, str]:
    """The files e and p."""
    first = f"{declined},ОТКЛОНЕНО" if declined else "0,ОДОБРЕНО"
    card = "************1234"
    lines = [first, card, "", "123456", "0007", "", "", "00998877", "20260302121500", reference, "A1B2", "", "", "9900"]
    return "\r\n".join(lines) + "\r\n", f"ЧЕК 0007\r\nСУММА {amount_minor}\r\nRRN {reference}\r\n"


def arcus2(declined: str | None, amount_minor: int, reference: str) -> tuple[str, str]:
    """The files output.dat and cheq.out."""
    first = f"{declined} ОТКАЗ" if declined else "00 ОДОБРЕНО"
    return f"{first}\r\n", f"ЧЕК\r\nСУММА {amount_minor}\r\nRRN:{reference}\r\n"


FILES = {"sberbank": sberbank, "arcus2": arcus2}
NAMES = {"sberbank": ("e", "p"), "arcus2": ("output.dat", "cheq.out")}


def leave(kind: str, home: str, outcome: str, slip: str, orders: dict[str, Any]) -> None:
    """Write the files, as far as the orders let it come."""
    folder = home if kind == "sberbank" else os.getcwd()
    outcome_name, slip_name = NAMES[kind]
    if "no_files" in orders:
        return
    encoding = orders.get("encoding", ENCODINGS[kind])
    data = outcome.encode(encoding)
    if "empty" in orders:
        data = b""
    if "garbage" in orders:
        data = bytes(range(255, 127, -1)) * 3
    files = ((slip_name, slip.encode(encoding)), (outcome_name, data))
    written = sum(len(content) for _, content in files)
    left = orders.get("killed_at_byte", written)
    for name, content in files:
        write(os.path.join(folder, name), content[:left])
        left = max(0, left - len(content))
        if not left and "killed_at_byte" in orders:
            break
    if "killed_at_byte" in orders:
        os.kill(os.getpid(), signal.SIGKILL)
    with open(os.path.join(home, "said"), "a", encoding="ascii") as file:
        file.write(f"{written}\n")


def write(path: str, data: bytes) -> None:
    """Write a file whole."""
    with open(path, "wb") as file:
        file.write(data)


if __name__ == "__main__":
    sys.exit(main())
