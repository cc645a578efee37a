"""`tillstream contracts`: the published form of events and commands, and whether they have only grown."""

from __future__ import annotations

from typing import Annotated

import typer

from libs.host.console import err, out
from libs.host.errors import CheckFailed

app = typer.Typer(
    no_args_is_help=True, help="Publish the contracts of events and commands, and check that they only grow."
)


@app.command("check")
def check() -> None:
    """Say whether the published contracts are up to date, and whether every old message can still be read.

    Use it after changing a message; `make check` and CI run it. A field that is removed, renamed, of another type or
    newly required is a break: leave version 1 as it is and add a version 2 beside it.

    Example: `tillstream contracts check`

    Exit code 0: up to date. 1: a break, or files that `tillstream contracts export` has not written.
    """
    from libs.contracts.message import all_definitions
    from libs.host.published_contracts import compare, contracts_folder

    findings = compare(contracts_folder())
    for line in findings.breaking:
        err.print(f"[red]breaks[/red] {line}", highlight=False)
    for line in findings.unpublished:
        err.print(f"[yellow]unpublished[/yellow] {line}", highlight=False)
    if findings.breaking:
        raise CheckFailed("A contract breaks what is published. Undo it, or add the change as a new version.")
    if findings.unpublished:
        raise CheckFailed("The published contracts are not up to date: run make schemas and commit the result.")
    out.print(f"{len(all_definitions())} contracts are published, and every sample of them can be read.")


@app.command("export")
def export(
    accept_breaks: Annotated[
        bool, typer.Option("--accept-breaks", help="Publish even what breaks readers; only before a first release.")
    ] = False,
) -> None:
    """Write JSON Schemas, golden samples and the AsyncAPI document of all messages into libs/contracts.

    Use it after adding or growing a message, then commit the files. A sample is never changed once written: when a
    contract grows, a further sample is added.

    Example: `tillstream contracts export`
    """
    from libs.contracts.message import all_definitions
    from libs.host.published_contracts import compare, contracts_folder, write

    folder = contracts_folder()
    findings = compare(folder)
    if findings.breaking and not accept_breaks:
        for line in findings.breaking:
            err.print(f"[red]breaks[/red] {line}", highlight=False)
        raise CheckFailed("Nothing was written, as a contract breaks what is published.")
    written = write(folder, replace_samples=bool(findings.breaking))
    out.print(f"Wrote {written} files; {len(all_definitions())} contracts are published.")
