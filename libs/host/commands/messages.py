"""`tillstream messages`: what consumers have given up, and what an operator decides about it."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from libs.host.console import err, out, progress
from libs.host.errors import CheckFailed, WrongSetting

app = typer.Typer(no_args_is_help=True, help="Look at messages that consumers gave up; replay or discard them.")

ServiceOption = Annotated[str | None, typer.Option("--service", help="Only messages of this service, e.g. sales.")]
MessageArgument = Annotated[str | None, typer.Argument(help="Id of the message, as `messages dead` shows it.")]
AllOption = Annotated[bool, typer.Option("--all", help="All dead messages, instead of one.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("dead")
def dead(service: ServiceOption = None) -> None:
    """List dead messages: what consumers gave up after all attempts, and commands that never found a consumer.

    Use it when an alert says that a message died. A dead message holds up later messages of its key, and no others;
    nothing is lost until you discard it.

    Example: `tillstream messages dead --service sales`

    Exit code 0: there are none. 1: there are some; they are listed.
    """
    from libs.host.dead_messages import chosen_services, table_of_dead

    table = asyncio.run(table_of_dead(chosen_services(service)))
    if table.row_count:
        out.print(table)
        raise CheckFailed("There are dead messages: mend the cause, then replay them, or discard them.")
    out.print("No message is dead.")


@app.command("replay")
def replay_messages(
    message: MessageArgument = None,
    service: ServiceOption = None,
    every: AllOption = False,
    yes: YesOption = False,
) -> None:
    """Give dead messages all their attempts again, once what made them fail is mended.

    Use it after `messages dead`. Handling a message twice has no second effect, so a replay is safe.

    Example: `tillstream messages replay 019a6f00-... --service sales`, or with `--all` instead of the id.
    """
    _decide("replay", message, service, every=every, yes=yes)


@app.command("discard")
def discard_messages(
    message: MessageArgument = None,
    service: ServiceOption = None,
    every: AllOption = False,
    yes: YesOption = False,
) -> None:
    """Give dead messages up for good; what waits behind them goes on.

    Use it only when you know that the effect is not wanted. The content is kept until it is pruned.

    Example: `tillstream messages discard 019a6f00-... --service sales`
    """
    _decide("discard", message, service, every=every, yes=yes)


def _decide(verb: str, message: str | None, service: str | None, *, every: bool, yes: bool) -> None:
    if (message is None) != every:
        raise WrongSetting(f"Say which message to {verb}: its id, or --all.")
    from libs.host.dead_messages import chosen_services, decide, find_dead

    definitions = chosen_services(service)
    chosen = asyncio.run(find_dead(definitions, message))
    if not chosen:
        raise CheckFailed("No message is dead." if every else f"No dead message has the id {message}.")
    if every and not yes and not typer.confirm(f"{verb.capitalize()} {len(chosen)} dead messages?"):
        raise CheckFailed("Nothing was changed.")
    with progress("Replaying" if verb == "replay" else "Discarding", len(chosen)) as advance:
        refused = asyncio.run(decide(verb, definitions, chosen, advance))
    for line in refused:
        err.print(line, style="red", markup=False)
    done = "will be handled again" if verb == "replay" else "are discarded"
    out.print(f"{len(chosen) - len(refused)} messages {done}.")
    if refused:
        raise CheckFailed(f"{len(refused)} messages could not be changed; see above.")
