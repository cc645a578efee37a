"""`tillstream messages`: what consumers have given up, and what an operator decides about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.exc import DBAPIError, OperationalError

from libs.bus.dead import DeadMessage, discard, list_dead, list_undeliverable, replay
from libs.bus.tables import MessagingTables
from libs.contracts.refusal import Refusal
from libs.host.assembly import messaging_tables_of
from libs.host.console import err, out, progress
from libs.host.errors import CheckFailed, NotAvailable, WrongSetting
from libs.host.registry import AnyServiceDefinition, service_definition, service_names
from libs.host.settings import HostSettings, load_settings
from libs.persistence import Database, create_engine

PAGE_MESSAGES = 100
LONGEST_ERROR_CHARACTERS = 160

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
    if not asyncio.run(_show(_services(service))):
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


def _services(name: str | None) -> list[AnyServiceDefinition]:
    return [service_definition(each) for each in ([name] if name else service_names())]


async def _show(definitions: list[AnyServiceDefinition]) -> bool:
    """Print what is dead; True if nothing is."""
    table = Table("service", "message", "consumer", "type", "key", "tries", "received", "error")
    for definition in definitions:
        async with _opened(definition) as (database, tables):
            async for item in _all_dead(database, tables):
                table.add_row(
                    definition.name,
                    item.message_id,
                    item.consumer,
                    item.type,
                    item.key,
                    str(item.attempts),
                    f"{item.received_at:%Y-%m-%d %H:%M:%S}",
                    (item.error or "")[:LONGEST_ERROR_CHARACTERS],
                )
            for command in await list_undeliverable(database, tables):
                given_up = f"{command.created_at:%Y-%m-%d %H:%M:%S}"
                table.add_row(
                    definition.name, str(command.id), "-", command.type, command.key, "-", given_up, command.failure
                )
    if table.row_count:
        out.print(table)
    return not table.row_count


def _decide(verb: str, message: str | None, service: str | None, *, every: bool, yes: bool) -> None:
    if (message is None) != every:
        raise WrongSetting(f"Say which message to {verb}: its id, or --all.")
    definitions = _services(service)
    chosen = asyncio.run(_find(definitions, message))
    if not chosen:
        raise CheckFailed("No message is dead." if every else f"No dead message has the id {message}.")
    if every and not yes and not typer.confirm(f"{verb.capitalize()} {len(chosen)} dead messages?"):
        raise CheckFailed("Nothing was changed.")
    with progress("Replaying" if verb == "replay" else "Discarding", len(chosen)) as advance:
        refused = asyncio.run(_carry_out(verb, definitions, chosen, advance))
    for line in refused:
        err.print(line, style="red", markup=False)
    done = "will be handled again" if verb == "replay" else "are discarded"
    out.print(f"{len(chosen) - len(refused)} messages {done}.")
    if refused:
        raise CheckFailed(f"{len(refused)} messages could not be changed; see above.")


async def _find(definitions: list[AnyServiceDefinition], message: str | None) -> list[tuple[str, DeadMessage]]:
    found: list[tuple[str, DeadMessage]] = []
    for definition in definitions:
        async with _opened(definition) as (database, tables):
            dead_here = [(definition.name, item) async for item in _all_dead(database, tables)]
            found += [each for each in dead_here if message in (None, each[1].message_id)]
    return found


async def _carry_out(
    verb: str,
    definitions: list[AnyServiceDefinition],
    chosen: list[tuple[str, DeadMessage]],
    advance: Callable[[str, int], None],
) -> list[str]:
    """Replay or discard each; sentences about those that somebody else decided about meanwhile."""
    act = replay if verb == "replay" else discard
    refused = []
    for definition in definitions:
        async with _opened(definition) as (database, tables):
            for name, item in chosen:
                if name != definition.name:
                    continue
                try:
                    await act(database, tables, item.message_id, item.consumer)
                except Refusal as refusal:
                    refused.append(refusal.sentence)
                advance(item.message_id, 1)
    return refused


async def _all_dead(database: Database, tables: MessagingTables) -> AsyncIterator[DeadMessage]:
    after: int | None = 0
    while after is not None:
        page = await list_dead(database, tables, after=after, limit=PAGE_MESSAGES)
        for item in page.messages:
            yield item
        after = page.next


@asynccontextmanager
async def _opened(definition: AnyServiceDefinition) -> AsyncIterator[tuple[Database, MessagingTables]]:
    """The service's database, reached as the service itself."""
    url = load_settings(HostSettings).service_database_url(definition.name)
    database = Database(create_engine(url, schema=definition.schema, pool_size=2))
    try:
        yield database, messaging_tables_of(definition.metadata, definition.schema)
    except OperationalError as error:
        raise NotAvailable(
            f"The database of {definition.name} does not answer: {str(error.orig).splitlines()[0]}"
        ) from error
    except DBAPIError as error:
        raise NotAvailable(f"{definition.name} cannot be read: {str(error.orig).splitlines()[0]}") from error
    finally:
        await database.close()
