"""A payment's slips as paper: to look at, and to print again at the till."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from libs.contracts.permissions import Permission
from services.backoffice.domain.wording import SLIP_KINDS, plain
from services.backoffice.gateways.payments import Slip
from services.backoffice.pages.desk import Desk
from services.backoffice.pages.frame import page
from services.backoffice.pages.parts import Words, box, button, heading
from services.backoffice.pages.questions import Question, ask

COPIES = {"customer": "Customer's copy", "merchant": "Merchant's copy"}


@page("/payments/intents/{intent_id}/slips", "Slips", Permission.PAYMENTS_READ, within="/payments/transactions")
async def slips(desk: Desk) -> None:
    """The payment's own slip, and those of its void and refunds."""
    premises = await desk.premises()
    intent = await desk.payments.intent(desk.path["intent_id"])
    figures = premises.figures(intent.store_id)
    amount = figures.money(intent.amount_minor, intent.currency)
    with box("p", "lead"):
        Words("span", f"{amount} at {premises.till_name(intent.till_id)}, {premises.store_name(intent.store_id)}. ")
        ui.link("The payment", f"/payments/intents/{intent.intent_id}")
    found = await desk.payments.slips(desk.path["intent_id"])
    # The payment's own till first: that is where the slip is looked for.
    tills = {str(intent.till_id): premises.till_name(intent.till_id)} | {
        str(till.id): till.name for till in premises.tills.values() if till.store_id == intent.store_id and till.active
    }
    if not found:
        Words("p", "There is no slip: the terminal has given none, or nothing was done at it.", "empty")
    for slip in found:
        heading(SLIP_KINDS.get(slip.kind, plain(slip.kind)), figures.exact_moment(slip.at))
        with box("div", "papers"):
            for copy, lines in (("customer", slip.customer), ("merchant", slip.merchant)):
                if lines:
                    _paper(desk, slip, copy, lines, tills)


def _paper(desk: Desk, slip: Slip, copy: str, lines: tuple[str, ...], tills: dict[str, str]) -> None:
    with box("section", "paper-frame"):
        with box("div", "paper").props(f'aria-label="{COPIES[copy]}"'):
            Words("div", COPIES[copy].upper(), "paper-title")
            # Shown, and printed again, it is never the first one.
            Words("div", "*** DUPLICATE ***", "paper-title")
            for line in lines:
                Words("div", line or "\N{NO-BREAK SPACE}")
        if desk.session.may(Permission.PAYMENTS_RESOLVE.value):
            button("Print at the till…", partial(_print, desk, slip, copy, tills)).classes("no-print")


async def _print(desk: Desk, slip: Slip, copy: str, tills: dict[str, str]) -> None:
    kind = SLIP_KINDS.get(slip.kind, plain(slip.kind)).lower()
    answers = await ask(
        "Print a duplicate",
        f"{COPIES[copy]} of the {kind} is printed, marked as a duplicate. Your name is kept with it.",
        [Question("till", "Till", choices=tills, value=next(iter(tills)))],
        "Print",
    )
    if answers is None:
        return
    till = answers["till"]
    printed = await desk.wished(
        ("print", slip.slip_id, copy, till),
        lambda key: desk.payments.print_slip(desk.path["intent_id"], slip.slip_id, copy, till, key=key),
    )
    if printed is not None:
        ui.notify(f"The duplicate is sent to the printer of {tills[till]}.", type="positive")
