"""The settings of a device gateway, from environment variables that begin with TILLSTREAM_GATEWAY_."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

FOLDER = "gateway"
DEVICES_FILE = "devices.toml"
DEVICES_FOLDER = "devices"


class GatewaySettings(BaseSettings):
    """Each description completes the sentence "must be ..."."""

    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_GATEWAY_", env_ignore_empty=True, extra="ignore")

    devices_file: Path | None = Field(
        None, description="the file that lists the devices; <data folder>/gateway/devices.toml if not set"
    )
    bind_address: str = Field("127.0.0.1", min_length=1, description="an address to listen on, e.g. 127.0.0.1")
    port: int = Field(8011, ge=0, le=65535, description="a TCP port from 1 to 65535, e.g. 8011, or 0 for any free one")
    allowed_hosts: tuple[str, ...] = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        description='a JSON list of the names by which browsers reach the gateway, e.g. ["localhost", "127.0.0.1"]',
    )
    allowed_origins: tuple[str, ...] = Field(
        (), description='a JSON list of the origins of further till pages, e.g. ["https://till.example.com"]'
    )

    # Devices
    plug_and_play: bool = Field(
        True, description="true to use what is plugged in and known without being listed, else false"
    )
    poll_s: float = Field(0.05, gt=0, le=1, description="the seconds a device is listened to at a time, e.g. 0.05")
    reopen_s: float = Field(0.25, gt=0, description="the seconds before an absent device is looked for again, at first")
    reopen_limit_s: float = Field(1.0, gt=0, lt=2, description="the same at last, below 2: a plug counts as quick")
    status_every_s: float = Field(2.0, gt=0, description="the seconds between two questions for a printer's state")
    device_call_timeout_s: float = Field(10.0, gt=0, description="the seconds a till waits for a scale or a drawer")
    silent_status_every_s: float = Field(20.0, gt=0, description="the same for a printer that does not answer")
    stop_timeout_s: float = Field(10.0, gt=0, description="the seconds for devices to finish when the gateway stops")

    # Printing and drawers
    print_retry_s: float = Field(0.5, gt=0, description="the seconds before a print that did not come out is repeated")
    print_retry_limit_s: float = Field(15.0, gt=0, description="the same at last; it doubles in between")
    expiry_sweep_s: float = Field(1.0, gt=0, description="the seconds between two looks for jobs out of time")
    drawer_seen_s: float = Field(1.0, gt=0, description="the seconds in which a drawer's sensor should notice a kick")
    drawer_window_s: float = Field(
        5.0, gt=0, description="the seconds after a kick in which an opening is put down to it and not to a hand"
    )

    drawer_request_s: float = Field(
        10.0, gt=0, description="the seconds after which a till's wish for an open drawer is over"
    )

    drawer_late_s: float = Field(
        60.0, gt=0, description="the seconds after which a drawer is no longer opened for what was ordered, at most"
    )

    # Payment terminals
    terminal_patience_s: float = Field(
        5.0, ge=0, description="the seconds an operation waits for a payment terminal that is not there"
    )
    outcome_attempts: int = Field(
        30, ge=1, description="how often it is tried, every journal_retry_s, to write down what a terminal answered"
    )

    # Bus
    publish_batch_messages: int = Field(200, ge=1, description="a number of messages read from the outbox at a time")
    publish_poll_s: float = Field(5.0, gt=0, description="the seconds after which the outbox is looked into anyway")
    publish_retry_s: float = Field(0.5, gt=0, description="the seconds before a message is sent again, at first")
    publish_retry_limit_s: float = Field(10.0, gt=0, description="the same at last; it doubles in between")
    journal_retry_s: float = Field(1.0, gt=0, description="the seconds before a command is journaled again")
    measure_every_s: float = Field(10.0, gt=0, description="the seconds between two measurements of the connection")

    # Keeping
    keep_days: float = Field(35.0, gt=0, description="the days after which finished jobs are forgotten, e.g. 35")
    prune_every_s: float = Field(600.0, gt=0, description="the seconds between two rounds of forgetting")
    prune_batch_rows: int = Field(500, ge=1, description="a number of rows forgotten at a time")

    # Live
    live_queue_messages: int = Field(
        256, ge=8, description="a number of messages a slow page may lag behind before it is cut off and starts anew"
    )
