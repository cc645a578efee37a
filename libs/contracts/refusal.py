"""Refusals: the errors a person can act on.

A domain rule that says no raises a subclass; `libs.web` turns it into an RFC 9457 problem, a message handler
records it as a permanent failure. `type` is stable: integrators switch on it.
"""

from __future__ import annotations

from typing import Any, ClassVar


class Refusal(Exception):
    """A request that is understood and refused, with a sentence that says why and what would be right.

    `status` is the HTTP status, `type` the stable slug of the problem type; `field` names the offending field
    of the request as a dotted path, `facts` are extra members of the problem document.
    """

    status: ClassVar[int] = 422
    type: ClassVar[str] = "refused"

    def __init__(self, sentence: str, *, field: str | None = None, **facts: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.facts = facts


class Invalid(Refusal):
    """A value is out of range or contradicts another."""

    type = "invalid"


class NotFound(Refusal):
    """What the request names does not exist here."""

    status = 404
    type = "not-found"


class Conflict(Refusal):
    """The request was right once, but the thing it acts on has moved on."""

    status = 409
    type = "conflict"


class Unauthenticated(Refusal):
    """Nobody is signed on, or the token has expired."""

    status = 401
    type = "unauthenticated"


class Forbidden(Refusal):
    """The caller may not do this; `facts` may name the permission that a manager's approval would lend."""

    status = 403
    type = "forbidden"


class TooMany(Refusal):
    """The caller must wait; `facts['retry_after_s']` says how long."""

    status = 429
    type = "too-many-requests"
