"""What an operator sets for identity: variables TILLSTREAM_IDENTITY_..., each also as ..._FILE."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.identity.domain.key_ring import RotationPolicy
from services.identity.domain.tries import LockOutPolicy


def _fernet_keys(value: SecretStr) -> SecretStr:
    for key in value.get_secret_value().split(","):
        try:
            Fernet(key.strip())
        except ValueError as error:
            raise ValueError("not a Fernet key") from error
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.username or not parts.password:
        raise ValueError("not an HTTP URL with a user and a password")
    return value.rstrip("/")


def _amqp_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("amqp", "amqps") or not parts.hostname or parts.username or parts.path.strip("/"):
        raise ValueError("not a broker URL of scheme, name and port")
    return value.rstrip("/")


class IdentitySettings(BaseSettings):
    """The settings of identity. Each description completes the sentence "must be ..."."""

    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_IDENTITY_", frozen=True, extra="ignore")

    encryption_key: Annotated[SecretStr, AfterValidator(_fernet_keys)] = Field(
        description="a Fernet key (32 random bytes in URL-safe base64) that encrypts the signing keys at rest; to"
        " change it, give the new and the old one, new first, separated by a comma"
    )
    setup_code: SecretStr | None = Field(
        None, min_length=12, description="a code of at least 12 characters that lets one person set the chain up, once"
    )

    staff_token_life_s: int = Field(
        43_200, ge=60, le=86_400, description="60 to 86400 seconds; a shift is over by then"
    )
    office_token_life_s: int = Field(28_800, ge=60, le=86_400, description="60 to 86400 seconds; a working day")
    till_token_life_s: int = Field(900, ge=60, le=86_400, description="60 to 86400 seconds; a till renews it by itself")
    gateway_token_life_s: int = Field(900, ge=60, le=86_400, description="60 to 86400 seconds; it renews it by itself")
    api_key_token_life_s: int = Field(900, ge=60, le=86_400, description="60 to 86400 seconds")
    approval_life_s: int = Field(120, ge=10, le=900, description="10 to 900 seconds")
    longest_api_key_life_days: int = Field(
        3_653, ge=1, le=36_500, description="the days after which a key must end, if it ends"
    )
    enrolment_code_life_s: int = Field(900, ge=60, le=86_400, description="60 to 86400 seconds")

    # Not SecretStr: what is one is made up in embedded mode, where there is no broker.
    rabbitmq_management_url: Annotated[str, AfterValidator(_http_url)] | None = Field(
        None,
        repr=False,
        description="the URL of RabbitMQ's management API with a user who may make users (tag administrator), e.g."
        " http://user:secret@rabbitmq:15672; without it gateways get no user of their own",
    )
    rabbitmq_virtual_host: str = Field("/", min_length=1, description="the virtual host of the bus, e.g. /")
    rabbitmq_management_timeout_s: float = Field(
        10.0, gt=0, le=120, description="the seconds to wait for an answer of the management API, 120 at most"
    )
    gateway_rabbitmq_url: Annotated[str, AfterValidator(_amqp_url)] | None = Field(
        None,
        description="the broker's URL as store PCs reach it, without user and password, e.g."
        " amqps://bus.shop.example:5671",
    )
    remove_broker_accounts_every_s: float = Field(
        30.0, gt=0, description="the seconds between two looks for gateways that were switched off"
    )

    free_tries: int = Field(5, ge=1, le=20, description="1 to 20 wrong tries in a row before the first pause")
    first_lock_s: int = Field(30, ge=1, description="the seconds of the first pause; each further one is twice as long")
    longest_lock_s: int = Field(3_600, ge=1, description="the longest pause in seconds")
    forget_tries_after_s: int = Field(86_400, ge=1, description="seconds without a try after which they are forgotten")

    # OWASP's Password Storage Cheat Sheet: Argon2id with 19 MiB, 2 iterations and 1 degree of parallelism at least.
    argon2_memory_kib: int = Field(
        19_456, ge=8, description="the memory of one hash in KiB, 19456 or more outside tests"
    )
    argon2_iterations: int = Field(2, ge=1, description="the iterations of one hash, 2 or more outside tests")
    argon2_parallelism: int = Field(1, ge=1, description="the lanes of one hash")
    concurrent_hashes: int = Field(2, ge=1, description="how many hashes are worked on at once, a thread each")

    rotate_signing_key_every_s: int = Field(2_592_000, ge=60, description="the seconds a key signs; 30 days is usual")
    publish_signing_key_ahead_s: int = Field(86_400, ge=1, description="the seconds a key is published before it signs")
    rotation_check_s: float = Field(300, gt=0, description="the seconds between two looks at the keys")

    prune_every_s: float = Field(3_600, gt=0, description="the seconds between two prunings")
    prune_batch_rows: int = Field(5_000, ge=1, description="the rows deleted in one transaction")
    keep_audit_days: int = Field(3_653, ge=1, description="the days that the audit trail is kept; 3653 are ten years")
    keep_enrolment_codes_days: int = Field(30, ge=1, description="the days that a spent or expired code is recognised")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.longest_lock_s < self.first_lock_s:
            raise ValueError("longest_lock_s is shorter than first_lock_s")
        if self.forget_tries_after_s < self.longest_lock_s:
            raise ValueError("forget_tries_after_s is shorter than longest_lock_s, so that waiting would be rewarded")
        if self.rotate_signing_key_every_s < self.publish_signing_key_ahead_s:
            raise ValueError("publish_signing_key_ahead_s is longer than rotate_signing_key_every_s")
        if (self.rabbitmq_management_url is None) != (self.gateway_rabbitmq_url is None):
            raise ValueError(
                "rabbitmq_management_url and gateway_rabbitmq_url come together: where users are made, and"
                " where gateways connect with them"
            )
        return self

    def lock_out_policy(self) -> LockOutPolicy:
        """How wrong tries are punished."""
        return LockOutPolicy(
            free_tries=self.free_tries,
            first_lock=timedelta(seconds=self.first_lock_s),
            longest_lock=timedelta(seconds=self.longest_lock_s),
            forget_after=timedelta(seconds=self.forget_tries_after_s),
        )

    def rotation_policy(self) -> RotationPolicy:
        """How signing keys come and go."""
        lives_s = (
            self.staff_token_life_s,
            self.office_token_life_s,
            self.till_token_life_s,
            self.gateway_token_life_s,
            self.api_key_token_life_s,
            self.approval_life_s,
        )
        return RotationPolicy(
            rotate_every=timedelta(seconds=self.rotate_signing_key_every_s),
            publish_ahead=timedelta(seconds=self.publish_signing_key_ahead_s),
            longest_token_life=timedelta(seconds=max(lives_s)),
        )
