"""Answer an inquiry from the journal, where the journal is certain; else it is the terminal that is asked."""

from __future__ import annotations

from device_gateway.domain.terminal_operation import OperationState, TerminalOperation, made_at
from device_gateway.journal_steps import Step
from device_gateway.journal_terminals import TerminalSteps

NO_OPERATION = "It does not say which operation it asks about."
NEVER_CAME = "This gateway has no such operation, and will not send it."
NEVER_SENT = "It was never given to the terminal."
GIVEN_UP = "Payments asked what became of it before it had begun, so it was not sent."


def answer_inquiry(step: Step, inquiry: TerminalOperation) -> TerminalOperation:
    """The inquiry with its answer, or as it is if only the terminal can tell.

    What certainly never left is not found, and from this moment on it never will leave: one that still waits is
    given up, one that has not arrived is refused when it comes. Else the till could charge the card a second time.
    """
    journal = TerminalSteps(step)
    asked_id = inquiry.inquired_operation_id
    if asked_id is None:
        return inquiry.answered(OperationState.UNKNOWN, step.now, reason=NO_OPERATION)
    target = journal.get(asked_id)
    if target is None:
        made = made_at(asked_id)
        if made is None or made < journal.knows_since():
            # The journal was begun anew, or has forgotten it: then it proves nothing.
            return inquiry
        journal.refuse(asked_id)
        return inquiry.not_found(step.now, NEVER_CAME)
    if target.state is OperationState.WAITING:
        journal.save(target.answered(OperationState.NOT_SENT, step.now, reason=GIVEN_UP))
        return inquiry.not_found(step.now, NEVER_SENT)
    if target.state.never_left:
        return inquiry.not_found(step.now, NEVER_SENT)
    if target.known_answer is not None:
        return inquiry.told_by_journal(target.known_answer, step.now)
    return inquiry
