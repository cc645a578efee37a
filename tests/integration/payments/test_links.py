"""Acquirers as their operators see them: links on every replica, the choice between them, and what is not confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, cast
from uuid import uuid4

import pytest

from libs.persistence import Database, UnitOfWork
from libs.testkit.databases import DatabaseServer
from services.payments.domain.concentrator.links import LinkName
from services.payments.gateways.acquirer.concentrator import read_concentrator
from services.payments.link_watch import LinkWatch
from tests.integration.payments.concentrated_shop import VISA
from tests.integration.payments.settling_shop import SettlingShop, open_settling_shop
from tests.integration.payments.terminal_shop import DEADLINE_S, POLL_S, answered, refused, settings_of


@pytest.fixture(scope="module")
async def running_banks(
    postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SettlingShop]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TILLSTREAM_PAYMENTS_LINK_REPORT_EVERY_S", "0.05")
        async with open_settling_shop(postgres_server, tmp_path_factory.mktemp("acquirers")) as opened:
            yield opened


@pytest.fixture
async def banks(running_banks: SettlingShop) -> AsyncIterator[SettlingShop]:
    for host in (running_banks.primary, running_banks.backup, running_banks.other):
        host.behave = lambda request: "answer"
        host.code = lambda request: "00"
        host.seen.clear()
    yield running_banks
    await running_banks.manager.asks("DELETE", "/payments/v1/acquirers/first-bank/link-choice")


async def comes(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` finds, once it finds something."""
    deadline = monotonic() + DEADLINE_S
    while not (found := await look()):
        assert monotonic() < deadline, "it never came"
        await asyncio.sleep(POLL_S)
    return found


async def acquirer(banks: SettlingShop, name: str = "first-bank") -> dict[str, Any]:
    items = (await banks.shop.person().get("/acquirers"))["items"]
    found: dict[str, Any] = next(each for each in items if each["name"] == name)
    return found


async def active_links(banks: SettlingShop) -> set[str]:
    """The links that any replica has in use."""
    links = (await acquirer(banks))["links"]
    return {link["name"] for link in links for replica in link["replicas"] if replica["active"]}


async def put_choice(banks: SettlingShop, link: str, name: str = "first-bank", who: Any = None) -> Any:
    body = {"link": link, "reason": "The provider works on the line"}
    return await (who or banks.manager).asks("PUT", f"/payments/v1/acquirers/{name}/link-choice", body)


async def events(banks: SettlingShop) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await banks.shop.person().get("/acquirers/first-bank/events"))["items"]
    return items


async def test_each_replica_tells_how_it_sees_both_links(banks: SettlingShop) -> None:
    async def connected() -> Any:
        found = await acquirer(banks)
        return found if all(r["connected"] for link in found["links"] for r in link["replicas"][:1]) else None

    await comes(lambda: active_links(banks))
    shown = await comes(connected)
    [primary, backup] = shown["links"]
    assert (primary["name"], primary["address"]) == ("primary", str(banks.primary.address))
    assert (backup["name"], backup["address"]) == ("backup", str(banks.backup.address))
    [replica] = primary["replicas"]
    assert set(replica) == {
        "replica",
        "active",
        "connected",
        "outstanding",
        "failures",
        "sent",
        "answered",
        "late_or_foreign",
        "unreadable",
        "seen_at",
    }
    assert (replica["active"], replica["failures"], replica["outstanding"] <= 1) == (True, 0, True)
    assert {name: shown[name] for name in ("title", "choice", "refused_count")} == {
        "title": "ISO 8583:1987, ASCII fields, binary bitmaps",
        "choice": None,
        "refused_count": 0,
    }
    assert [each["name"] for each in (await banks.shop.person().get("/acquirers"))["items"]] == [
        "first-bank",
        "second-bank",
    ]


async def test_a_replica_of_its_own_reports_beside_the_others_follows_choices_and_is_forgotten(
    banks: SettlingShop,
) -> None:
    settings = settings_of(banks.shop)
    other = LinkWatch(banks.shop.database, read_concentrator(settings.acquirers_file, {}), settings, replica="another")

    async def replicas() -> set[str]:
        return {each["replica"] for link in (await acquirer(banks))["links"] for each in link["replicas"]}

    async with other.running():
        assert len(await comes(lambda: _when(replicas, lambda found: len(found) == 2))) == 2
        answered(await put_choice(banks, "backup"), 200)
        await comes(lambda: _when(lambda: active_links(banks), lambda links: links == {"backup"}))
    assert len(await replicas()) == 1


async def test_a_replica_that_says_nothing_any_more_is_forgotten(banks: SettlingShop) -> None:
    settings = settings_of(banks.shop)
    silent = LinkWatch(banks.shop.database, read_concentrator(settings.acquirers_file, {}), settings, replica="silent")
    await silent.beat()
    shown = await acquirer(banks)
    assert "silent" in {each["replica"] for each in shown["links"][0]["replicas"]}
    banks.shop.clock.advance(settings.link_report_kept_s + 1)

    async def forgotten() -> bool:
        found = (await acquirer(banks))["links"][0]["replicas"]
        return "silent" not in {each["replica"] for each in found}

    await comes(forgotten)


class Flaky:
    """A database that is away while a test says so."""

    def __init__(self, database: Database) -> None:
        self.away = True
        self.tried = 0
        self.clock = database.clock
        self._database = database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        self.tried += 1
        if self.away:
            raise ConnectionError("the database is away")
        async with self._database.transaction() as work:
            yield work


async def test_a_replica_goes_on_while_its_database_is_away_and_tells_then_what_happened(banks: SettlingShop) -> None:
    settings = settings_of(banks.shop)
    concentrator = read_concentrator(settings.acquirers_file, {})
    flaky = Flaky(banks.shop.database)
    watch = LinkWatch(cast("Database", flaky), concentrator, settings, replica="flaky")
    async with watch.running():
        concentrator.acquirers["first-bank"].switch(LinkName.BACKUP)
        await comes(lambda: _when(lambda: asyncio.sleep(0, flaky.tried), lambda tried: tried > 2))
        assert "flaky" not in {each["replica"] for each in await events(banks)}
        flaky.away = False

        async def told() -> list[tuple[str, str]]:
            found = await events(banks)
            return [(each["event"], each["link"]) for each in found if each["replica"] == "flaky"]

        assert (await comes(told))[0] == ("switched_over", "backup")

        async def released() -> bool:
            return not concentrator.acquirers["first-bank"].links.pinned

        # A choice that this process alone knew of is taken back, as nobody has chosen.
        await comes(released)


async def _when(look: Callable[[], Awaitable[Any]], right: Callable[[Any], bool]) -> Any:
    found = await look()
    return found if right(found) else None


async def test_an_operators_choice_is_followed_told_and_taken_back(banks: SettlingShop) -> None:
    shown = answered(await put_choice(banks, "backup"), 200)
    assert {name: shown["choice"][name] for name in ("link", "reason", "chosen_by_name")} == {
        "link": "backup",
        "reason": "The provider works on the line",
        "chosen_by_name": "Maria Nowak",
    }
    await comes(lambda: _when(lambda: active_links(banks), lambda links: links == {"backup"}))
    banks.backup.seen.clear()
    tender_id = await banks.awaiting(1_000)
    await banks.presents(tender_id, VISA)
    assert [each.mti for each in banks.backup.financial()] == ["0200"]
    assert banks.primary.financial() == []
    answered(await put_choice(banks, "primary"), 200)
    await comes(lambda: _when(lambda: active_links(banks), lambda links: links == {"primary"}))
    response = await banks.manager.asks("DELETE", "/payments/v1/acquirers/first-bank/link-choice")
    assert (response.status_code, (await acquirer(banks))["choice"]) == (204, None)

    async def all_told() -> Any:
        told = [(each["event"], each["link"], each["actor_name"], each["reason"]) for each in await events(banks)]
        return told if ("switched_back", "primary", None, "an operator chose this link") in told else None

    told = await comes(all_told)
    reason = "The provider works on the line"
    assert {
        ("chosen", "backup", "Maria Nowak", reason),
        ("switched_over", "backup", None, "an operator chose this link"),
        ("chosen", "primary", "Maria Nowak", reason),
        ("released", "primary", "Maria Nowak", None),
    } <= set(told)
    latest = [each["at"] for each in await events(banks)]
    assert latest == sorted(latest, reverse=True)


async def test_a_switch_over_by_the_rules_is_written_down_with_its_replica(banks: SettlingShop) -> None:
    before = len(await events(banks))
    await banks.primary.die()
    try:
        await comes(lambda: _when(lambda: active_links(banks), lambda links: links == {"backup"}))
        event = (await comes(lambda: _when(lambda: events(banks), lambda found: len(found) > before)))[0]
        assert (event["event"], event["link"], event["actor_name"]) == ("switched_over", "backup", None)
        assert event["replica"] is not None
        assert event["reason"] == "the primary link failed 2 times in a row"
    finally:
        await banks.primary.start()
    # Back by an operator, because the rules wait for minutes.
    answered(await put_choice(banks, "primary"), 200)
    await comes(lambda: _when(lambda: active_links(banks), lambda links: links == {"primary"}))


async def test_only_links_that_there_are_can_be_chosen_and_only_by_who_configures(banks: SettlingShop) -> None:
    refused(await put_choice(banks, "backup", "second-bank"), 422, "no-backup-link", "link")
    refused(await put_choice(banks, "backup", "nobody"), 404, "unknown-acquirer", "name")
    refused(await put_choice(banks, "backup", who=banks.shop.person()), 403, "forbidden")
    path = "/payments/v1/acquirers/second-bank/link-choice"
    refused(await banks.manager.asks("DELETE", path), 404, "no-link-chosen", "name")
    refused(await banks.manager.asks("GET", "/payments/v1/acquirers/nobody/events"), 404, "unknown-acquirer", "name")


async def test_events_are_paged(banks: SettlingShop) -> None:
    for link in ("backup", "primary", "backup"):
        answered(await put_choice(banks, link), 200)
    who = banks.shop.person()
    first = await who.get("/acquirers/first-bank/events", limit=2)
    rest = await who.get("/acquirers/first-bank/events", limit=500, cursor=first["next_cursor"])
    assert (len(first["items"]), rest["next_cursor"]) == (2, None)
    ats = [each["at"] for each in first["items"] + rest["items"]]
    assert ats == sorted(ats, reverse=True)


async def test_what_is_not_confirmed_is_listed_and_counted_until_it_is(banks: SettlingShop) -> None:
    lost_shop = await banks.another("LOST0001")
    for host in (banks.primary, banks.backup):
        host.behave = lambda request: "ignore" if request.mti != "0800" else "answer"
    lost = await lost_shop.awaiting(4_000)
    assert (await lost_shop.presents(lost))["state"] == "unknown"
    who = lost_shop.shop.person()
    [waiting] = (await who.get("/stored-messages", state="waiting", acquirer="first-bank"))["items"]
    assert {name: waiting[name] for name in waiting if name not in ("message_id", "created_at", "next_at")} == {
        "acquirer": "first-bank",
        "terminal_name": "keyed",
        "kind": "reversal",
        "state": "waiting",
        "attempts": 0,
        "code": None,
        "amount_minor": 4_000,
        "currency": "PLN",
        "intent_id": str(lost),
    }
    shown = await acquirer(lost_shop)
    assert (shown["waiting_reversals"], shown["waiting_completions"], shown["refused_count"]) == (1, 0, 0)
    assert shown["oldest_waiting_at"] == waiting["created_at"]
    stranger = lost_shop.shop.person(store_ids=[str(uuid4())], store_id=str(uuid4()))
    assert (await stranger.get("/stored-messages"))["items"] == []
    for host in (banks.primary, banks.backup):
        host.behave = lambda request: "answer"
        host.code = lambda request: "12" if request.mti in ("0420", "0421") else "00"
    await lost_shop.forwards()
    assert (await who.get("/stored-messages", state="waiting"))["items"] == []
    [found] = (await who.get("/stored-messages"))["items"]
    assert (found["state"], found["code"], found["attempts"]) == ("refused", "12", 1)
    shown = await acquirer(lost_shop)
    assert (shown["waiting_reversals"], shown["refused_count"], shown["oldest_waiting_at"]) == (0, 1, None)
