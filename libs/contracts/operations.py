"""What every service tells its operators."""

from libs.contracts.message import Event, contract
from libs.contracts.values import Instant


@contract("operations", "message_dead", subject="message_id")
class MessageDead(Event):
    """A consumer gave a message up: it waits, visible, until an operator replays or discards it."""

    message_id: str
    service: str
    consumer: str
    message_type: str
    key: str
    attempts: int
    error: str
    died_at: Instant
