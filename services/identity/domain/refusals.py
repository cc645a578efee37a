"""What identity refuses, by name; `type` is the stable slug of the problem."""

from __future__ import annotations

from typing import Any

from libs.contracts.refusal import Conflict, Forbidden, Invalid, NotFound, Refusal, Unauthenticated


class AlreadySetUp(Conflict):
    """The chain exists; an installation is set up once."""

    type = "already-set-up"


class NotSetUp(Conflict):
    """There is no chain yet."""

    type = "not-set-up"


class SetUpNotAllowed(Forbidden):
    """The operator has given no set-up code."""

    type = "set-up-not-allowed"


class WrongSecret(Unauthenticated):
    """The code and the secret do not belong together; which of them is wrong is not told."""

    type = "wrong-secret"


class TokenWithdrawn(Unauthenticated):
    """The token is genuine, but who it speaks of has been disabled since."""

    type = "token-withdrawn"


class CodeTaken(Conflict):
    """Another one of its kind has this code."""

    type = "code-taken"


class ChangedMeanwhile(Conflict):
    """Somebody else changed it after the version that the caller read."""

    type = "changed-meanwhile"

    def __init__(self, what: str, expected: int, present: int) -> None:
        super().__init__(
            f"{what} was changed meanwhile: you sent version {expected}, it is now {present}. "
            "Read it again and repeat your change.",
            field="version",
            present_version=present,
        )


class UnknownEnrolmentCode(NotFound):
    """Nobody was given this code."""

    type = "unknown-enrolment-code"


class EnrolmentCodeSpent(Conflict):
    """The code was used, replaced by a newer one, or has expired."""

    type = "enrolment-code-spent"


class TillDisabled(Forbidden):
    """The till or its store is not active."""

    type = "till-disabled"


class GatewayDisabled(Forbidden):
    """The gateway or its store is not active, or it serves no till."""

    type = "gateway-disabled"


class TillServedElsewhere(Conflict):
    """Another gateway owns the devices of this till."""

    type = "till-served-elsewhere"


class BrokerAway(Refusal):
    """The broker did not do what a gateway's account needs; the code can be used again."""

    status = 503
    type = "broker-away"


class LastAdministrator(Conflict):
    """Nobody would be left who can administer the chain."""

    type = "last-administrator"


class BuiltInRole(Conflict):
    """The administrator's role always holds everything."""

    type = "built-in-role"


class AboveOwnRights(Forbidden):
    """The caller would give, or take over, rights that they do not have themselves."""

    type = "above-own-rights"


class NotAtATill(Forbidden):
    """This is done by somebody who is signed on at a till."""

    type = "not-at-a-till"


class CannotApprove(Forbidden):
    """The approver may not approve this."""

    type = "cannot-approve"


def unknown(what: str, key: object, **facts: Any) -> NotFound:
    """There is no such thing, or the caller may not know of it."""
    return NotFound(f"There is no {what} {key}.", **facts)


def wrong_field(field: str, sentence: str) -> Invalid:
    """A field of the request holds a wrong value."""
    return Invalid(f"{field}: {sentence}", field=field)
