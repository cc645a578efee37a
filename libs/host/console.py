"""Where commands write: results to standard output, progress and errors to standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

out = Console()
err = Console(stderr=True, soft_wrap=True)

Report = Callable[[str], None]


@contextmanager
def progress(title: str, steps: int | None = None) -> Iterator[Callable[[str, int], None]]:
    """A progress bar on standard error; call the yielded function with (what is done now, steps finished).

    On a terminal it is a live bar; in a log file a line appears for each new thing, and for each tenth of the steps.
    """
    if not err.is_terminal:
        err.print(f"{title}...")

        told: tuple[str, int] = ("", 0)
        done = 0

        def note(what: str, finished: int = 0) -> None:
            nonlocal told, done
            done += finished
            tenth = done * 10 // steps if steps else 0
            if (what, tenth) != told:
                told = (what, tenth)
                err.print(f"  {what}{f' ({done} of {steps})' if steps else ''}", highlight=False)

        yield note
        return
    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
    if steps is not None:
        columns.insert(3, MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=steps)

        def advance(what: str, finished: int = 0) -> None:
            bar.update(task, description=f"{title}: {what}", advance=finished)

        yield advance
