"""What a step of the journal reads and writes of operations at payment terminals."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from device_gateway.domain.orders import Trail
from device_gateway.domain.terminal_operation import HARMLESS, OperationState, TerminalOperation, reference_of
from device_gateway.journal_steps import Step
from device_gateway.journal_tables import sequences
from device_gateway.journal_terminal_tables import terminal_memory, terminal_operations, terminal_refusals
from libs.contracts.terminals import CardReferences, TerminalAnswered

_PLAIN = (
    "operation_id",
    "intent_id",
    "till_id",
    "terminal",
    "action",
    "currency",
    "amount_minor",
    "cash_back_minor",
    "tip_minor",
    "instalments",
    "reference",
    "inquired_operation_id",
    "state",
    "received_at",
    "changed_at",
    "expires_at",
)
_IN_DOUBT = (
    (terminal_operations.c.state == OperationState.UNKNOWN.value)
    & terminal_operations.c.resolution.is_(None)
    & terminal_operations.c.action.not_in(sorted(HARMLESS))
)
_UNDECIDED = (OperationState.WAITING.value, OperationState.SENDING.value)
_HOLD = ("pre_authorisation", "increment")
_BUILD_ON_WHAT_IS_HELD = frozenset({"increment", "completion", "pre_authorisation_cancel"})
REFERENCE_ATTEMPTS = 100


class TerminalSteps:
    """Operations of terminals, in one step of the journal. An outcome and the event that tells it commit together."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._connection = step.connection

    def free_reference(self, operation_id: UUID) -> str:
        """A reference for an operation that no other one at this gateway has."""
        for attempt in range(REFERENCE_ATTEMPTS):
            reference = reference_of(operation_id, attempt)
            taken = select(exists().where(terminal_operations.c.reference == reference))
            if not self._connection.execute(taken).scalar_one():
                return reference
        raise AssertionError(f"{REFERENCE_ATTEMPTS} references out of 36^10 are taken")

    def add(self, operation: TerminalOperation) -> None:
        """Store a new operation; tell its outcome if it is decided already."""
        self._connection.execute(
            insert(terminal_operations).values(
                **{name: getattr(operation, name) for name in _PLAIN},
                original=_json(operation.original),
                answer=_json(operation.answer),
                correlation_id=operation.trail.correlation_id,
                causation_id=operation.trail.causation_id,
                traceparent=operation.trail.traceparent,
            )
        )
        self._tell(operation)

    def save(self, operation: TerminalOperation) -> None:
        """Store a step of an operation, and tell its outcome."""
        self._connection.execute(
            update(terminal_operations)
            .where(terminal_operations.c.operation_id == operation.operation_id)
            .values(state=operation.state.value, changed_at=operation.changed_at, answer=_json(operation.answer))
        )
        self._tell(operation)

    def resolve(self, operation_id: UUID, answer: TerminalAnswered) -> None:
        """Keep what an inquiry found out of an operation that was unknown."""
        self._connection.execute(
            update(terminal_operations)
            .where(
                terminal_operations.c.operation_id == operation_id,
                terminal_operations.c.state == OperationState.UNKNOWN.value,
            )
            .values(resolution=_json(answer))
        )

    def get(self, operation_id: UUID | None) -> TerminalOperation | None:
        """An operation, or None."""
        if operation_id is None:
            return None
        found = self._read(select(terminal_operations).where(terminal_operations.c.operation_id == operation_id))
        return found[0][1] if found else None

    def held_minor(self, operation: TerminalOperation | None) -> int | None:
        """What the pre-authorisation of an operation's payment held before it: what was approved at first, and each
        increment. None if this journal does not know, or one of them is in doubt.
        """
        if operation is None or operation.action not in _BUILD_ON_WHAT_IS_HELD:
            return None
        of_payment = (
            select(terminal_operations)
            .where(
                terminal_operations.c.intent_id == operation.intent_id,
                terminal_operations.c.action.in_(_HOLD),
                terminal_operations.c.operation_id != operation.operation_id,
                terminal_operations.c.received_at <= operation.received_at,
            )
            .order_by(terminal_operations.c.position)
        )
        steps = [step for _, step in self._read(of_payment)]
        if not any(step.action == "pre_authorisation" for step in steps) or any(step.in_doubt for step in steps):
            return None
        answers = [step.known_answer for step in steps]
        return sum(answer.amount_minor or 0 for answer in answers if answer and answer.outcome == "approved") or None

    def next_waiting(self, terminal: str) -> TerminalOperation | None:
        """The operation that has waited longest for a terminal."""
        waiting = (
            select(terminal_operations)
            .where(
                terminal_operations.c.terminal == terminal,
                terminal_operations.c.state == OperationState.WAITING.value,
            )
            .order_by(terminal_operations.c.position)
            .limit(1)
        )
        found = self._read(waiting)
        return found[0][1] if found else None

    def waiting(self) -> list[TerminalOperation]:
        """Everything that waits, for any terminal, in order of arrival."""
        return self._in_state(OperationState.WAITING)

    def interrupted(self, terminal: str | None = None) -> list[TerminalOperation]:
        """What is in the middle of being sent: at one terminal, or at all of them."""
        found = self._in_state(OperationState.SENDING)
        return [operation for operation in found if terminal in (None, operation.terminal)]

    def newest(
        self, limit: int, *, before: int | None = None, terminal: str | None = None, in_doubt: bool = False
    ) -> list[tuple[int, TerminalOperation]]:
        """Operations with their positions, the newest first: those before a position, of a terminal, in doubt."""
        conditions = [
            *([terminal_operations.c.position < before] if before is not None else []),
            *([terminal_operations.c.terminal == terminal] if terminal is not None else []),
            *([_IN_DOUBT] if in_doubt else []),
        ]
        statement = select(terminal_operations).where(*conditions)
        return self._read(statement.order_by(terminal_operations.c.position.desc()).limit(limit))

    def waiting_count(self, terminal: str) -> int:
        """How many operations wait for a terminal."""
        waiting = (terminal_operations.c.terminal == terminal) & (
            terminal_operations.c.state == OperationState.WAITING.value
        )
        return int(self._connection.execute(select(func.count()).where(waiting)).scalar_one())

    def refuse(self, operation_id: UUID) -> None:
        """Never send an operation that has not arrived: payments is told that it was not sent."""
        self._connection.execute(
            sqlite_insert(terminal_refusals)
            .values(operation_id=operation_id, refused_at=self._step.now)
            .on_conflict_do_nothing()
        )

    def is_refused(self, operation_id: UUID) -> bool:
        """Whether payments was told already that an operation was not sent."""
        refused = exists().where(terminal_refusals.c.operation_id == operation_id)
        return bool(self._connection.execute(select(refused)).scalar_one())

    def knows_since(self) -> datetime:
        """Of operations before this moment the journal may not know."""
        since: datetime = self._connection.execute(select(terminal_memory.c.knows_since)).scalar_one()
        return since

    def _in_state(self, state: OperationState) -> list[TerminalOperation]:
        statement = select(terminal_operations).where(terminal_operations.c.state == state.value)
        return [operation for _, operation in self._read(statement.order_by(terminal_operations.c.position))]

    def _tell(self, operation: TerminalOperation) -> None:
        if operation.state.is_final:
            assert operation.answer is not None, "an outcome is always told"
            self._step.emit(operation.answer, operation.trail)

    def _read(self, statement: Any) -> list[tuple[int, TerminalOperation]]:
        return [(row.position, self._operation(row)) for row in self._connection.execute(statement)]

    def _operation(self, row: Any) -> TerminalOperation:
        values = {name: getattr(row, name) for name in _PLAIN}
        return TerminalOperation(
            **{
                **values,
                "gateway_id": self._step.gateway_id,
                "store_id": self._step.store_id,
                "state": OperationState(row.state),
                "original": CardReferences.model_validate(row.original) if row.original else None,
                "answer": TerminalAnswered.model_validate(row.answer) if row.answer else None,
                "resolution": TerminalAnswered.model_validate(row.resolution) if row.resolution else None,
                "trail": Trail(row.correlation_id, row.causation_id, row.traceparent),
            }
        )


def begin_memory(connection: Connection, now: datetime) -> None:
    """Note since when this journal knows of operations, if it is new."""
    connection.execute(sqlite_insert(terminal_memory).values(only_row=1, knows_since=now).on_conflict_do_nothing())


def prune_operations(connection: Connection, before: datetime, batch_rows: int) -> int:
    """Forget decided operations older than `before`, up to `batch_rows`; how many rows went."""
    forgotten = list(
        connection.execute(
            select(terminal_operations.c.operation_id)
            .where(terminal_operations.c.received_at < before, terminal_operations.c.state.not_in(_UNDECIDED))
            .limit(batch_rows)
        ).scalars()
    )
    if forgotten:
        connection.execute(
            update(terminal_memory).where(terminal_memory.c.knows_since < before).values(knows_since=before)
        )
    refused = select(terminal_refusals.c.operation_id).where(terminal_refusals.c.refused_at < before).limit(batch_rows)
    statements = (
        delete(terminal_operations).where(terminal_operations.c.operation_id.in_(forgotten)),
        delete(sequences).where(sequences.c.subject.in_([str(operation_id) for operation_id in forgotten])),
        delete(terminal_refusals).where(terminal_refusals.c.operation_id.in_(refused)),
    )
    return sum(connection.execute(statement).rowcount for statement in statements)


def _json(value: CardReferences | TerminalAnswered | None) -> Any:
    return None if value is None else value.model_dump(mode="json")
