"""Every limit of messaging, with its unit in its name."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class BusSettings(BaseModel):
    """The limits of one service's message bus. The defaults fit a chain of a few hundred stores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str = Field("tillstream", pattern=r"^[a-zA-Z0-9_-]+$", description="first word of the exchanges' names")
    queue_prefix: str = Field("", pattern=r"^([a-zA-Z0-9_-]+\.)?$", description="before every queue's name, with a dot")

    message_limit_bytes: int = Field(4_000_000, ge=1, description="RabbitMQ 4 refuses more than 16 MiB by default")

    # Relay
    relay_read_rows: int = Field(100, ge=1, description="rows read per partition at a time")
    relay_in_flight_messages: int = Field(1000, ge=1, description="messages on their way to the broker at once, about")
    relay_linger_s: float = Field(0.05, ge=0, description="longest wait for more confirms before marking them")
    relay_poll_s: float = Field(0.2, gt=0, description="look for rows committed by other replicas this often")
    relay_alone_poll_s: float = Field(1.0, gt=0, description="the same for a relay without other replicas")
    relay_lease_s: float = Field(15.0, gt=0, description="a dead relay's partitions are free after this time")
    relay_retry_s: float = Field(0.5, gt=0, description="first pause of a key or of the relay after a failure")
    relay_retry_limit_s: float = Field(30.0, gt=0, description="longest pause after repeated failures")
    relay_stuck_keys: int = Field(1000, ge=1, description="with more failing keys than this the whole relay pauses")
    publish_timeout_s: float = Field(
        20.0, gt=0, description="a message RabbitMQ has not confirmed by then is sent again"
    )

    # Consumers
    concurrent_handlers: int = Field(4, ge=1, description="handlers of a service at work at once, a connection each")
    handler_timeout_s: float = Field(60.0, gt=0, description="a handler that takes longer has failed")
    quick_retries: int = Field(3, ge=1, description="attempts in memory when the database says try again")
    quick_retry_s: float = Field(0.05, gt=0, description="first pause between them, with jitter")
    attempts: int = Field(8, ge=1, description="attempts at a message before it is dead")
    attempt_backoff_s: float = Field(2.0, gt=0, description="pause after the first failed attempt, doubled each time")
    attempt_backoff_limit_s: float = Field(600.0, gt=0, description="longest pause between attempts")
    parked_poll_s: float = Field(1.0, gt=0, description="look for parked messages that are due this often")
    parked_lease_s: float = Field(15.0, gt=0, description="a dead replica's parked messages are taken over after this")
    parked_batch_rows: int = Field(50, ge=1, description="due messages taken up at a time")
    dead_blocks_key_for_s: float | None = Field(
        None, gt=0, description="a dead message frees its key after this; never if None"
    )
    probe_s: float = Field(0.5, gt=0, description="ask a database that is down this often, first")
    probe_limit_s: float = Field(10.0, gt=0, description="and this often at last")
    stop_timeout_s: float = Field(10.0, gt=0, description="time for handlers to finish when the service stops")

    # Broker
    topology_expected: bool = Field(
        False,
        description="true where others make exchanges and queues, as for a gateway that may only use its own queue",
    )
    queue_delivery_limit: int = Field(20, ge=1, description="deliveries before RabbitMQ dead-letters a message")
    queue_length_limit_messages: int = Field(2_000_000, ge=1, description="a full queue refuses new messages")
    log_max_age: str = Field("30D", pattern=r"^[0-9]+[YMDhms]$", description="how long the log stream keeps messages")
    log_length_limit_bytes: int = Field(
        20_000_000_000, ge=1, description="size at which the log stream drops its oldest part"
    )
    connect_timeout_s: float = Field(10.0, gt=0)
    reconnect_s: float = Field(0.5, gt=0, description="first pause before connecting again, with jitter")
    reconnect_limit_s: float = Field(15.0, gt=0, description="longest pause before connecting again")
    heartbeat_s: int = Field(20, ge=1, description="a connection silent for twice this long is given up")
    watchdog_s: float = Field(5.0, gt=0, description="compare attached with expected consumers this often")

    # Keeping
    keep_sent_days: float = Field(2.0, gt=0, description="sent outbox rows are deleted after this many days")
    keep_done_days: float = Field(35.0, gt=0, description="a repetition is recognised for this many days")
    prune_every_s: float = Field(600.0, gt=0, description="pause between two rounds of deleting")
    prune_batch_rows: int = Field(5000, ge=1, description="rows deleted per transaction")
