"""`tillstream`: the command of operators and developers."""

from __future__ import annotations

import sys

import typer

from libs.host.commands import catalog, contracts, gateway, messages, publishing, running, schema, simulate
from libs.host.console import err
from libs.host.errors import EXIT_CODES, HostError

_EPILOG = "Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + "."

app = typer.Typer(
    name="tillstream",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
    help="Point of sale for retail chains. `tillstream up` runs all of it on this machine.",
)
for command in (running.up, running.run, running.migrate, running.demo, publishing.topology, simulate.simulate):
    app.command()(command)
app.add_typer(catalog.app, name="catalog")
app.add_typer(gateway.app, name="gateway")
app.add_typer(messages.app, name="messages")
app.add_typer(publishing.openapi, name="openapi")
app.add_typer(contracts.app, name="contracts")
app.add_typer(schema.app, name="schema")


def main() -> None:
    """Run the command line; the entry point of the distribution."""
    try:
        app()
    except HostError as error:
        err.print(f"tillstream: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
