"""How a till takes cards: as a cashier does it, over the HTTP API, whatever the terminal then does or does not say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from random import Random
from typing import Final

from infra.demo.acquirer_host import GOOD, LOST_AFTER, LOST_BEFORE, WITHOUT_MONEY, AcquirerHost
from infra.demo.api import Api, DemoFailed, Json
from infra.demo.terminals import CARDS, Card, Lost, StandaloneTerminal, Terminal
from libs.persistence import new_id

SALES, PAYMENTS = "/sales/v1", "/payments/v1"
ANSWERS_WITHIN_S: Final = 30
# Those that everybody may print: Visa's and Mastercard's test cards.
TEST_NUMBERS: Final = ("4111111111111111", "5555555555554444")
Approve = Callable[[str, str, str], Awaitable[str]]
"""The manager approves an action on a thing for a reason."""


class Way(Enum):
    """How a basket is paid for by card."""

    WHOLE = auto()
    WITH_CASH = auto()
    TWO_CARDS = auto()
    DECLINED_THEN_CASH = auto()
    DECLINED_THEN_CARD = auto()
    IN_PART = auto()
    LOST_AFTER = auto()
    LOST_BEFORE = auto()
    LOST_TAKEN_BACK = auto()
    LOST_REVERSED = auto()
    BY_HAND = auto()
    BY_HAND_DECLINED = auto()
    KEYED = auto()
    KEYED_DECLINED = auto()
    KEYED_LOST_AFTER = auto()
    KEYED_LOST_BEFORE = auto()


# Of 100 baskets in turn about half are paid by card, most of them simply. The first 20 show most, 30 nearly everything.
_WAYS: Final[dict[int, Way]] = dict.fromkeys(range(0, 100, 2), Way.WHOLE) | {
    2: Way.WITH_CASH,
    4: Way.DECLINED_THEN_CASH,
    8: Way.LOST_AFTER,
    10: Way.KEYED,
    12: Way.BY_HAND,
    14: Way.LOST_BEFORE,
    16: Way.IN_PART,
    18: Way.LOST_TAKEN_BACK,
    20: Way.TWO_CARDS,
    22: Way.DECLINED_THEN_CARD,
    24: Way.KEYED_LOST_AFTER,
    28: Way.KEYED_DECLINED,
    32: Way.WITH_CASH,
    36: Way.BY_HAND,
    44: Way.DECLINED_THEN_CARD,
    46: Way.IN_PART,
    52: Way.TWO_CARDS,
    56: Way.BY_HAND_DECLINED,
    62: Way.LOST_REVERSED,
    66: Way.WITH_CASH,
    68: Way.KEYED,
    72: Way.KEYED_LOST_BEFORE,
    74: Way.DECLINED_THEN_CASH,
    82: Way.WITH_CASH,
    86: Way.BY_HAND,
    92: Way.IN_PART,
}


_LOST: Final = frozenset(
    {
        Way.LOST_AFTER,
        Way.LOST_BEFORE,
        Way.LOST_TAKEN_BACK,
        Way.LOST_REVERSED,
        Way.KEYED_LOST_AFTER,
        Way.KEYED_LOST_BEFORE,
    }
)
_EXPIRIES: Final = {
    Way.KEYED: GOOD,
    Way.KEYED_DECLINED: WITHOUT_MONEY,
    Way.KEYED_LOST_AFTER: LOST_AFTER,
    Way.KEYED_LOST_BEFORE: LOST_BEFORE,
}


def way_of(turn: int) -> Way | None:
    """How the basket of this turn is paid for by card; None where it is not. Lines break only now and then."""
    way = _WAYS.get(turn % 100)
    return Way.WHOLE if way in _LOST and turn // 100 % 3 else way


@dataclass(frozen=True, slots=True)
class UnknownOutcome:
    """A payment whose answer was lost, and how the till found out what became of it.

    `lost` is None for one that was on the bank's line when another's answer was lost, and the line with it.
    """

    tender_id: str
    terminal: str
    lost: Lost | None
    ended: str


@dataclass
class CardTally:
    """What happened with cards at a till, by the cashier's own account."""

    declined: set[str] = field(default_factory=set)
    """The baskets for which a card was declined."""
    unknown: list[UnknownOutcome] = field(default_factory=list)


@dataclass
class CardTill:
    """A till's terminal, the one on the counter that all tills share, the bank that decides on cards that are keyed in
    at the till, and what was done with them.
    """

    api: Api
    terminal: Terminal
    standalone: StandaloneTerminal
    bank: AcquirerHost
    approve: Approve
    chance: Random
    tally: CardTally = field(default_factory=CardTally)

    async def pay(self, basket_id: str, total_minor: int, way: Way) -> int:
        """Take cards for a basket that comes to so much; what is still to be paid in cash."""
        try:
            return await self._paid(basket_id, total_minor, way)
        except DemoFailed as error:
            raise DemoFailed(f"{way.name.lower()} at {self.terminal.name}: {error}", error.status) from error

    async def _paid(self, basket_id: str, total_minor: int, way: Way) -> int:
        match way:
            case Way.WITH_CASH | Way.TWO_CARDS:
                return await self._split(basket_id, total_minor, two_cards=way is Way.TWO_CARDS)
            case Way.DECLINED_THEN_CASH | Way.DECLINED_THEN_CARD:
                return await self._declined(basket_id, total_minor, another_card=way is Way.DECLINED_THEN_CARD)
            case Way.IN_PART if self.terminal.approves_in_part and total_minor > 1:
                return await self._in_part(basket_id, total_minor)
            case Way.LOST_AFTER | Way.LOST_BEFORE:
                return await self._lost(basket_id, total_minor, Lost.AFTER if way is Way.LOST_AFTER else Lost.BEFORE)
            case Way.LOST_TAKEN_BACK | Way.LOST_REVERSED:
                return await self._lost_and_paid_in_cash(basket_id, total_minor, at_once=way is Way.LOST_REVERSED)
            case Way.BY_HAND | Way.BY_HAND_DECLINED:
                return await self._by_hand(basket_id, total_minor, declined=way is Way.BY_HAND_DECLINED)
            case Way.KEYED | Way.KEYED_DECLINED | Way.KEYED_LOST_AFTER | Way.KEYED_LOST_BEFORE:
                return await self._keyed(basket_id, total_minor, _EXPIRIES[way])
        return await self._card(basket_id, total_minor)

    async def give_back(self, basket_id: str, total_minor: int, original_tender_id: str) -> None:
        """Money goes back to the card that paid; `total_minor` is below zero."""
        tender = await self._asked(basket_id, total_minor, original_tender_id=original_tender_id)
        _demand(tender, "authorized")

    async def given_back(self, tender_id: str) -> None:
        """A sale was voided: the cashier waits until the terminal has given the money back."""
        await self._intent_becomes(tender_id, "voided")

    async def _card(self, basket_id: str, amount_minor: int) -> int:
        """The usual way: one card for all of it."""
        _demand(await self._presented(basket_id, amount_minor), "authorized")
        return 0

    async def _split(self, basket_id: str, total_minor: int, *, two_cards: bool) -> int:
        """Half of it on a card; the rest on another one, or in cash."""
        half_minor = max(1, total_minor // 2)
        await self._card(basket_id, half_minor)
        rest_minor = total_minor - half_minor
        return await self._card(basket_id, rest_minor) if two_cards and rest_minor else rest_minor

    async def _declined(self, basket_id: str, total_minor: int, *, another_card: bool) -> int:
        """The bank says no: the customer has another card, or cash."""
        self.terminal.decline_next()
        _demand(await self._presented(basket_id, total_minor), "declined")
        self.tally.declined.add(basket_id)
        return await self._card(basket_id, total_minor) if another_card else total_minor

    async def _in_part(self, basket_id: str, total_minor: int) -> int:
        """There is less on the card than the basket costs (retail rule 18): what is there is taken."""
        there_minor = max(1, total_minor * 2 // 3)
        self.terminal.approve_part_of_next(there_minor)
        tender = await self._presented(basket_id, total_minor)
        _demand(tender, "authorized")
        if tender["amount_minor"] != there_minor:
            raise DemoFailed(f"{there_minor} of {total_minor} were approved, and the till says {tender}.")
        return total_minor - there_minor

    async def _lost(self, basket_id: str, total_minor: int, lost: Lost) -> int:
        """No answer: find out before anything else is done. What was not charged is charged then."""
        tender_id = await self._cut_off(basket_id, total_minor, lost)
        expected = "authorized" if lost is Lost.AFTER else "declined"
        if self.terminal.knows_earlier:
            await self.api.post(f"{PAYMENTS}/intents/{tender_id}/inquiry")
            ended = "terminal asked"
        else:
            await self._say_what_the_journal_says(tender_id, total_minor, lost)
            ended = "journal read, manager approved"
        tender = await self._becomes(basket_id, tender_id, "authorized", "declined")
        _demand(tender, expected)
        if lost is Lost.BEFORE:
            await self._card(basket_id, total_minor)
        found = "charged" if lost is Lost.AFTER else "not charged, paid anew"
        self.tally.unknown.append(UnknownOutcome(tender_id, self.terminal.kind, lost, f"{ended}: {found}"))
        return 0

    async def _lost_and_paid_in_cash(self, basket_id: str, total_minor: int, *, at_once: bool) -> int:
        """No answer, and no patience: whatever was charged goes back, and the customer pays in cash.

        Taken back at the till, or with `at_once` reversed by payments' own route.
        """
        tender_id = await self._cut_off(basket_id, total_minor, Lost.AFTER)
        if at_once:
            body = {"reason": "The customer pays in cash"}
            await self.api.post(f"{PAYMENTS}/intents/{tender_id}/reversal", body, headers=_once())
        else:
            await self.api.delete(f"{SALES}/baskets/{basket_id}/tenders/{tender_id}")
        how = "reversed" if at_once else "taken back at the till"
        if not self.terminal.knows_earlier:
            await self._say_what_the_journal_says(tender_id, total_minor, Lost.AFTER)
            how += " once its journal was read"
        if self.terminal.voids_by_hand:
            await self._void_by_hand(tender_id)
            how += " and it was voided by hand"
        tender = await self._becomes(basket_id, tender_id, "released", "declined")
        _demand(tender, "declined" if at_once else "released")
        ended = f"{how}: paid in cash"
        self.tally.unknown.append(UnknownOutcome(tender_id, self.terminal.kind, Lost.AFTER, ended))
        return total_minor

    async def _cut_off(self, basket_id: str, amount_minor: int, lost: Lost) -> str:
        """Present a card, and lose the line; the id of the tender, which is unknown."""
        self.terminal.lose_next(lost)
        tender = await self._presented(basket_id, amount_minor)
        _demand(tender, "unknown")
        return str(tender["tender_id"])

    async def _say_what_the_journal_says(self, tender_id: str, amount_minor: int, lost: Lost) -> None:
        """The terminal cannot be asked: the cashier reads its journal, and a manager stands by what is typed."""
        last = self.terminal.ledger[-1] if self.terminal.ledger else None
        body: Json
        if lost is Lost.AFTER:
            if last is None or (last.kind, last.amount_minor) != ("charge", amount_minor):
                raise DemoFailed(f"The terminal's journal ends with {last}, not with a charge of {amount_minor}.")
            slip = self.terminal.slip_of(last)
            body = {"outcome": "approved", "approval_code": slip.approval_code, "last_four": slip.last_four}
        else:
            body = {"outcome": "declined", "note": "The terminal's journal has no such payment"}
        body["approval"] = await self.approve("payments.confirm", tender_id, "Read in the terminal's journal")
        await self.api.post(f"{PAYMENTS}/intents/{tender_id}/confirmation", body, headers=_once())

    async def _void_by_hand(self, tender_id: str) -> None:
        """The terminal takes back only what it is given the number of: it is voided there, and a manager says so."""
        await self._intent_becomes(tender_id, "reversal_refused")
        self.terminal.void_by_hand(self.terminal.ledger[-1])
        note = "Voided with the terminal's own keys"
        body = {"note": note, "approval": await self.approve("payments.confirm", tender_id, note)}
        await self.api.post(f"{PAYMENTS}/intents/{tender_id}/confirmation", body, headers=_once())

    async def _by_hand(self, basket_id: str, total_minor: int, *, declined: bool) -> int:
        """At the terminal on the counter, to which no wire leads: the cashier types what its slip says."""
        tender = await self._asked(basket_id, total_minor, reference=self.standalone.name, wait_s=0)
        tender_id = str(tender["tender_id"])
        await self._intent_becomes(tender_id, "awaiting_confirmation")
        body: Json = {"outcome": "declined", "note": "The terminal says declined"}
        if not declined:
            slip = self.standalone.pay(total_minor, self._next_card())
            body = {"approval_code": slip.approval_code, "last_four": slip.last_four, "scheme": slip.scheme}
        await self.api.post(f"{PAYMENTS}/intents/{tender_id}/confirmation", body, headers=_once())
        state = "declined" if declined else "authorized"
        _demand(await self._becomes(basket_id, tender_id, "authorized", "declined"), state)
        if declined:
            self.tally.declined.add(basket_id)
        return total_minor if declined else 0

    async def _keyed(self, basket_id: str, total_minor: int, expiry: str) -> int:
        """The customer's card is keyed in at the till: payments itself asks its bank.

        Where the bank's answer is lost, it is told a reversal until it confirms that; then the customer taps the card.
        """
        tender = await self._asked(basket_id, total_minor, reference=self.bank.name, wait_s=0)
        tender_id = str(tender["tender_id"])
        await self._intent_becomes(tender_id, "awaiting_card")
        body = {"entry": "keyed", "number": self.chance.choice(TEST_NUMBERS), "expiry": expiry}
        await self.api.post(f"{PAYMENTS}/intents/{tender_id}/card", body, headers=_once())
        tender = await self._becomes(basket_id, tender_id, "authorized", "declined")
        reason_code = (tender["why"] or {}).get("reason_code")
        if reason_code != "no-answer":
            # The bank's line may be down at this moment: nothing was taken, and the customer pays in cash.
            away = reason_code == "acquirer-not-reached"
            _demand(tender, "authorized" if expiry == GOOD and not away else "declined")
            if tender["state"] == "authorized":
                return 0
            self.tally.declined.add(basket_id)
            return total_minor
        lost = {LOST_AFTER: Lost.AFTER, LOST_BEFORE: Lost.BEFORE}.get(expiry)
        ended = "bank told a reversal: paid anew"
        self.tally.unknown.append(UnknownOutcome(tender_id, self.bank.kind, lost, ended))
        return await self._card(basket_id, total_minor)

    async def _presented(self, basket_id: str, amount_minor: int) -> Json:
        """The customer presents a card at the till's own terminal; the tender, once it is decided or unknown."""
        self.terminal.present(self._next_card())
        return await self._asked(basket_id, amount_minor)

    async def _asked(self, basket_id: str, amount_minor: int, *, wait_s: int = ANSWERS_WITHIN_S, **more: str) -> Json:
        tender_id = str(new_id())
        payment = await self.api.post(
            f"{SALES}/baskets/{basket_id}/tenders",
            {"tender_id": tender_id, "kind": "card", "amount_minor": amount_minor, **more},
            headers={"Prefer": f"wait={wait_s}"} if wait_s else None,
        )
        return _tender_in(payment, tender_id)

    async def _becomes(self, basket_id: str, tender_id: str, *states: str) -> Json:
        """Follow the basket live, as the till's screen does, until its tender is in one of these states."""
        tender: Json = {}
        try:
            async with (
                asyncio.timeout(ANSWERS_WITHIN_S),
                aclosing(self.api.events(f"{SALES}/baskets/{basket_id}/events")) as baskets,
            ):
                async for basket in baskets:
                    tender = _tender_in(basket, tender_id)
                    if tender["state"] in states:
                        return tender
        except TimeoutError as error:
            raise DemoFailed(f"A card payment is not decided within {ANSWERS_WITHIN_S} s: {tender}") from error
        raise DemoFailed(f"The basket ended before its card payment was decided: {tender}")

    async def _intent_becomes(self, tender_id: str, state: str) -> None:
        """Wait until payments has come so far; it hears of a tender a moment after that was added."""
        deadline = asyncio.get_running_loop().time() + ANSWERS_WITHIN_S
        found = "not known"
        while asyncio.get_running_loop().time() < deadline:
            try:
                found = (await self.api.get(f"{PAYMENTS}/intents/{tender_id}"))["state"]
            except DemoFailed as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
            if found == state:
                return
            await asyncio.sleep(0.05)
        raise DemoFailed(f"A card payment should be {state} and is {found} after {ANSWERS_WITHIN_S} s.")

    def _next_card(self) -> Card:
        return self.chance.choice(CARDS)


def _tender_in(payment: Json, tender_id: str) -> Json:
    tender: Json = next(each for each in payment["tenders"] if each["tender_id"] == tender_id)
    return tender


def _demand(tender: Json, state: str) -> None:
    if tender["state"] != state:
        raise DemoFailed(f"A card payment should be {state}: {tender}")


def _once() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}
