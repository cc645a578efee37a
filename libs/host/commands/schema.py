"""`tillstream schema`: the tables in code and the migrations that make them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from libs.host.console import err, out, progress
from libs.host.errors import CheckFailed, WrongSetting

app = typer.Typer(no_args_is_help=True, help="Compare tables in code with the migrations, and write new ones.")


@app.command("check")
def check() -> None:
    """Say whether the migrations of every service lead to exactly the tables in its code.

    Use it after changing a `storage/tables.py`; `make check` and CI run it. It needs no running system: it migrates
    an empty database of its own and compares.

    Example: `tillstream schema check`

    Exit code 0: they agree. 1: they differ; the output shows what a migration would have to do.
    """
    from libs.host.registry import all_services
    from libs.host.schemas import schema_differences
    from libs.host.settings import HostSettings, load_settings

    definitions = all_services()
    with progress("Comparing migrations with tables", len(definitions)) as advance:
        found = schema_differences(definitions, load_settings(HostSettings), advance)
    for name, lines in found.items():
        err.print(f"[red]{name}[/red]: its migrations lack")
        for line in lines:
            err.print(f"  {line}", highlight=False, markup=False)
    if found:
        services = ", ".join(found)
        raise CheckFailed(f'Write the missing migrations ({services}): make migration SERVICE=... MESSAGE="..."')
    out.print(f"The migrations of {len(definitions)} services lead to the tables in code.")


@app.command("new")
def new(
    service: Annotated[str, typer.Argument(help="The service whose tables have changed, e.g. sales.")],
    message: Annotated[str, typer.Argument(help='What the migration does, e.g. "Count voided receipts".')],
) -> None:
    """Write the next migration of one service from the difference between its tables and its migrations.

    Use it after changing a `storage/tables.py`, then read the file it wrote: renames look like drop and add, and
    filling new columns is yours to write.

    Example: `tillstream schema new sales "Count voided receipts"`
    """
    if not message.strip():
        raise WrongSetting('The migration needs a title, e.g. "Count voided receipts".')
    from libs.host.registry import service_definition, with_tables
    from libs.host.schemas import write_migration
    from libs.host.settings import HostSettings, load_settings

    stored = with_tables([service_definition(service)])
    if not stored:
        raise WrongSetting(f"The service {service} keeps no tables, so it has no migrations.")
    with progress(f"Comparing the tables of {service}"):
        path = write_migration(stored[0], message, load_settings(HostSettings))
    if path is None:
        out.print(f"Nothing to do: the migrations of {service} lead to its tables already.")
    else:
        out.print(f"Wrote {_relative(path)}; read it before you commit it.")


def _relative(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
