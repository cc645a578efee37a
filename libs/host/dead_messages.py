"""Dead messages of all services: read and decided about through each service's own role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rich.table import Table
from sqlalchemy.exc import DBAPIError, OperationalError

from libs.bus.dead import DeadMessage, discard, list_dead, list_undeliverable, replay
from libs.bus.tables import MessagingTables
from libs.contracts.refusal import Refusal
from libs.host.assembly import messaging_tables_of
from libs.host.errors import NotAvailable, WrongSetting
from libs.host.registry import AnyStoredDefinition, service_definition, service_names, with_tables
from libs.host.settings import HostSettings, load_settings
from libs.persistence import Database, create_engine

PAGE_MESSAGES = 100
LONGEST_ERROR_CHARACTERS = 160


def chosen_services(name: str | None) -> list[AnyStoredDefinition]:
    """The service of this name, or all that have messages. Raises WrongSetting."""
    chosen = with_tables(service_definition(each) for each in ([name] if name else service_names()))
    if not chosen:
        raise WrongSetting(f"The service {name} has no messages: it keeps no tables.")
    return chosen


async def table_of_dead(definitions: list[AnyStoredDefinition]) -> Table:
    """One row for each dead message and each command that was given up."""
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
    return table


async def find_dead(definitions: list[AnyStoredDefinition], message: str | None) -> list[tuple[str, DeadMessage]]:
    """Dead messages with the names of their services: the one with this id, or all of them."""
    found: list[tuple[str, DeadMessage]] = []
    for definition in definitions:
        async with _opened(definition) as (database, tables):
            dead_here = [(definition.name, item) async for item in _all_dead(database, tables)]
            found += [each for each in dead_here if message in (None, each[1].message_id)]
    return found


async def decide(
    verb: str,
    definitions: list[AnyStoredDefinition],
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
async def _opened(definition: AnyStoredDefinition) -> AsyncIterator[tuple[Database, MessagingTables]]:
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
