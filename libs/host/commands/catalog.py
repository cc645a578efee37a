"""`tillstream catalog`: products and prices as CSV files, into and out of a running system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from libs.host.console import err, out, progress
from libs.host.errors import CheckFailed, WrongSetting

if TYPE_CHECKING:
    from libs.host.catalogue_files import ImportReport
    from libs.host.remote_api import RemoteSettings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Products and prices as CSV files. Say who calls by TILLSTREAM_API_KEY (or TILLSTREAM_API_KEY_FILE), or by "
    "`--staff CODE`; the password is asked for, or taken from TILLSTREAM_STAFF_PASSWORD(_FILE). Secrets are never "
    "arguments: others on the machine could read them.",
)

ServerOption = Annotated[
    str | None,
    typer.Option("--server", help="Base URL of the system. [TILLSTREAM_SERVER_URL, http://127.0.0.1:8000]"),
]
StaffOption = Annotated[
    str | None, typer.Option("--staff", help="Sign on to the office as this person. [TILLSTREAM_STAFF_CODE]")
]


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV file; its first line names the columns.")],
    server: ServerOption = None,
    staff: StaffOption = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write every refused row to this CSV file, if any is refused.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what would happen.")] = False,
    encoding: Annotated[str | None, typer.Option("--encoding", help="utf-8 unless told otherwise.")] = None,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", help="comma, semicolon or tab; found out unless told.")
    ] = None,
    price_list: Annotated[
        str | None, typer.Option("--price-list", help="Of the prices in a file without a column price_list.")
    ] = None,
) -> None:
    """Carry products and prices of a CSV file into the catalogue and report every row that was refused.

    The first line names the columns, in any order: `code`, and any of `name`, `unit`, `tax_category`, `categories`,
    `barcodes` (several with | between them), `price`, `price_list`, ... A new product needs a name and a tax
    category; of a known one only what the file has columns for is changed. Wrong rows do not stop the others: mend
    them and send the same file again, for rows that are in already change nothing. `tillstream catalog export`
    writes a file of this form.

    Needs the permission catalog.import.

    Examples: `tillstream catalog import products.csv --staff admin --dry-run`, then
    `tillstream catalog import products.csv --staff admin --report refused.csv`

    Exit code 0: every row is in. 1: rows were refused, or the file as a whole; the output says why. 2: a wrong option,
    or the server does not know who calls. 3: the server does not answer.
    """
    from libs.host.catalogue_files import FileOptions, follow, save_refusals, upload
    from libs.host.remote_api import remote_api

    if report is not None and report.exists():
        raise WrongSetting(f"{report} is there already. Name another file for --report, or delete it first.")
    options = FileOptions(encoding, delimiter, price_list, dry_run)
    with remote_api(_settings(server, staff), _ask_password) as api:
        accepted = upload(api, file, options)
        with progress(f"Importing {file.name}", accepted["total"]) as advance:
            done = follow(api, accepted, advance)
        if report is not None and done.counts["refused"]:
            save_refusals(api, done.import_id, report)
    _tell(done, report, dry_run=dry_run)


@app.command("export")
def export_file(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    server: ServerOption = None,
    staff: StaffOption = None,
    what: Annotated[
        Literal["products", "prices"],
        typer.Option("--what", help="products with their present price, or every price of every price list."),
    ] = "products",
    delimiter: Annotated[
        Literal["comma", "semicolon", "tab"], typer.Option("--delimiter", help="What separates the cells.")
    ] = "comma",
) -> None:
    """Write all products, or all prices, to a CSV file in the form that `tillstream catalog import` reads.

    Use it to edit many products in a spreadsheet, or to keep a copy. The file appears when it is whole.

    Needs the permission catalog.read.

    Example: `tillstream catalog export products.csv --staff admin`

    Exit code 0: the file is written. 1: it is there already. 2: a wrong option, or the server does not know who calls.
    3: the server does not answer, or the file cannot be written.
    """
    from libs.host.catalogue_files import export
    from libs.host.remote_api import remote_api

    with remote_api(_settings(server, staff), _ask_password) as api, progress(f"Exporting {what}") as advance:
        written = 0

        def told(size: int) -> None:
            nonlocal written
            before, written = written, written + size
            if written >> 20 != before >> 20:
                advance(f"{written >> 20} MiB", 0)

        export(api, what, file, delimiter, told)
    out.print(f"{file} holds all {what}, {written} bytes.", highlight=False, soft_wrap=True)


def _settings(server: str | None, staff: str | None) -> RemoteSettings:
    from libs.host.remote_api import RemoteSettings
    from libs.host.settings import load_settings

    settings = load_settings(RemoteSettings)
    if server is not None:
        if not server.startswith(("http://", "https://")):
            raise WrongSetting(f"--server is {server!r}, it must be a base URL, e.g. https://pos.example.com.")
        settings = settings.model_copy(update={"server_url": server.rstrip("/")})
    if staff is not None:
        # Who is named on the command line calls, whatever key lies in the environment.
        settings = settings.model_copy(update={"staff_code": staff, "api_key": None})
    return settings


def _ask_password() -> str:
    password: str = typer.prompt("Password", hide_input=True, err=True)
    return password


def _tell(done: ImportReport, report: Path | None, *, dry_run: bool) -> None:
    counts = ", ".join(f"{count} {name}" for name, count in done.counts.items())
    out.print(f"{done.rows} rows: {counts}.{' Nothing was changed: this was a dry run.' if dry_run else ''}")
    if done.refusals:
        table = Table("row", "column", "value", "what would be right")
        for each in done.refusals:
            table.add_row(str(each.row), each.column, each.value, each.message)
        out.print(table)
    refused = done.counts["refused"]
    if done.failure:
        raise CheckFailed(f"The import ended before its last row: {done.failure}")
    if refused:
        if report is not None:
            err.print(f"All refused rows are in {report}.", highlight=False)
        elif refused > len(done.refusals):
            err.print(f"{refused - len(done.refusals)} more were refused; --report FILE writes them all.")
        raise CheckFailed(f"{refused} of {done.rows} rows were refused; mend them and import the file again.")
