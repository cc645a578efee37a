"""`make bench`: runs every benchmark, one after the other in a process of its own, and shows what the design allows.

    python -m tests.bench            all of them
    python -m tests.bench sales z    some of them

A benchmark is a module with `run()` that returns what it measured by name. `budget_<name>` beside `<name>` is judged:
a ratio (a name that ends with `ratio`) must reach its budget, everything else must not exceed it;
`budget_at_least_<name>` and `budget_at_most_<name>` say so themselves. A budget named for a unit (`budget_ms`) judges
the first figure in it.
"""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent
LONGEST_S = 1800
_CHILD = "import importlib, json, sys; print(json.dumps(importlib.import_module(sys.argv[1]).run()))"


@dataclass(frozen=True)
class Judged:
    """One figure; `budget` is None where the design sets none."""

    benchmark: str
    name: str
    value: Any
    budget: float | None
    at_least: bool

    @property
    def met(self) -> bool | None:
        """Whether the budget holds."""
        if self.budget is None:
            return None
        return bool(self.value >= self.budget if self.at_least else self.value <= self.budget)


def benchmarks() -> list[str]:
    """The modules of this folder that have a `run`."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]) if module.name != "__main__")
    return [name for name in names if "\ndef run(" in (FOLDER / f"{name}.py").read_text(encoding="utf-8")]


def judge(benchmark: str, measured: dict[str, Any]) -> list[Judged]:
    """Every figure with its budget, if it has one. Raises KeyError for a budget that judges nothing."""
    budgets: dict[str, tuple[float, bool]] = {}
    for key, value in measured.items():
        if not key.startswith("budget_"):
            continue
        name = key.removeprefix("budget_")
        at_least = name.startswith("at_least_") or (name.endswith("ratio") and not name.startswith("at_most_"))
        name = name.removeprefix("at_least_").removeprefix("at_most_")
        figures = [
            each for each in measured if each == name or (not each.startswith("budget_") and each.endswith(f"_{name}"))
        ]
        if not figures:
            raise KeyError(f"{benchmark}: {key} judges nothing that was measured")
        budgets[name if name in figures else figures[0]] = (value, at_least)
    return [
        Judged(benchmark, name, value, *budgets.get(name, (None, True)))
        for name, value in measured.items()
        if not name.startswith("budget_")
    ]


def measure(benchmark: str) -> dict[str, Any] | str:
    """What one benchmark measured, or why it failed."""
    command = [sys.executable, "-c", _CHILD, f"tests.bench.{benchmark}"]
    try:
        finished = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return f"not finished after {LONGEST_S} s"
    if finished.returncode:
        return (finished.stderr.strip().splitlines() or ["no reason given"])[-1]
    measured: dict[str, Any] = json.loads(finished.stdout.strip().splitlines()[-1])
    return measured


def main(chosen: list[str]) -> int:
    """Run and print; 1 if a budget is missed or a benchmark fails."""
    out, err = Console(width=120), Console(stderr=True)
    known = benchmarks()
    unknown = [name for name in chosen if name not in known]
    if unknown:
        err.print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(known)}.")
        return 2
    table = Table("what", "figure", "measured", "budget", "met")
    failed = False
    for benchmark in chosen or known:
        with err.status(f"Measuring {benchmark}"):
            measured = measure(benchmark)
        err.print(f"measured {benchmark}")
        if isinstance(measured, str):
            table.add_row(benchmark, "[red]failed[/red]", measured, "", "[red]no[/red]")
            failed = True
            continue
        for each in judge(benchmark, measured):
            bound = "" if each.budget is None else f"{'at least' if each.at_least else 'at most'} {each.budget:g}"
            met = {None: "", True: "[green]yes[/green]", False: "[red]no[/red]"}[each.met]
            table.add_row(each.benchmark, each.name.replace("_", " "), str(each.value), bound, met)
            failed = failed or each.met is False
        table.add_section()
    out.print(table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
