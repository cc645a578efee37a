"""Values that several resources share: validated on the way in, the same shape on the way out."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Header, Response
from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Invalid
from libs.contracts.values import LARGEST_MINOR, PercentText
from libs.web.authentication import RequestBody
from libs.web.principal import Limits
from services.identity.domain import places, secret_rules

LARGEST_STORE_LIST = 5_000

Code = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,19}$"),
    Field(description="Up to 20 letters, digits, - and _; unique whatever the case; never changes.", examples=["B01"]),
]
RoleCode = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$"),
    Field(description="Up to 40 small letters, digits, - and _; never changes.", examples=["cashier"]),
]
# PostgreSQL's text has no NUL; a name is one line.
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Lines = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000, pattern=r"^[^\x00]+$")]
CountryCode = Annotated[str, AfterValidator(places.country), Field(max_length=2, examples=["DE"])]
TimeZoneName = Annotated[str, AfterValidator(places.time_zone), Field(max_length=64, examples=["Europe/Berlin"])]
LanguageTag = Annotated[str, AfterValidator(places.language), Field(max_length=16, examples=["de"])]


def _pin(value: SecretStr) -> SecretStr:
    secret_rules.pin(value.get_secret_value())
    return value


def _password(value: SecretStr) -> SecretStr:
    secret_rules.password(value.get_secret_value())
    return value


NewPin = Annotated[
    SecretStr,
    AfterValidator(_pin),
    Field(
        description="4 to 12 digits, no run and no repetition.",
        examples=["4711"],
        json_schema_extra={"pattern": f"^[0-9]{{{secret_rules.SHORTEST_PIN},{secret_rules.LONGEST_PIN}}}$"},
    ),
]
NewPassword = Annotated[
    SecretStr,
    AfterValidator(_password),
    Field(
        description="12 to 200 characters, at least 5 of them different.",
        json_schema_extra={
            "minLength": secret_rules.SHORTEST_PASSWORD,
            "maxLength": secret_rules.LONGEST_PASSWORD,
        },
    ),
]
GivenSecret = Annotated[SecretStr, Field(min_length=1, max_length=secret_rules.LONGEST_PASSWORD)]
"""A secret to be checked, of whatever form: only the right one fits."""

Version = Annotated[
    int, Field(ge=1, le=LARGEST_MINOR, description="The version that you read; it rises by each change.")
]
Amount = Annotated[
    int, Field(strict=True, ge=0, le=LARGEST_MINOR, description="In minor units of the store's currency.")
]
StoreIds = Annotated[
    frozenset[UUID],
    Field(max_length=LARGEST_STORE_LIST),
    PlainSerializer(lambda ids: sorted(str(store_id) for store_id in ids), return_type=list[str]),
]
PermissionNames = Annotated[
    frozenset[Permission],
    PlainSerializer(lambda names: sorted(name.value for name in names), return_type=list[str]),
]


class LimitValues(RequestBody):
    """How far one may go without a manager's approval."""

    discount_percent: PercentText = Field(default=0, validate_default=True, description="Of a line or a basket.")
    refund_minor: Amount = 0
    cash_out_minor: Amount = 0

    @classmethod
    def of(cls, limits: Limits) -> LimitValues:
        """Limits as they are shown; percentages are kept in parts per million."""
        return LimitValues.model_construct(
            discount_percent=limits.discount_ppm,
            refund_minor=limits.refund_minor,
            cash_out_minor=limits.cash_out_minor,
        )

    def limits(self) -> Limits:
        """Limits as they are kept."""
        return Limits(self.discount_percent, self.refund_minor, self.cash_out_minor)


class Change(RequestBody):
    """The body of a PATCH: only what is given changes; null clears what may be empty."""

    clearable: ClassVar[frozenset[str]] = frozenset()

    version: Version | None = Field(default=None, description="The version that you read, unless If-Match says it.")

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_null(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name not in cls.clearable | {"version"}:
            raise ValueError("cannot be empty; leave it away to keep it as it is")
        return value

    def changes(self) -> dict[str, object]:
        """The fields that were given, as Python values."""
        return {name: getattr(self, name) for name in self.model_fields_set - {"version"}}


IfMatch = Annotated[
    str | None,
    Header(max_length=40, description='The ETag that you read, e.g. "3"; or send `version` in the body.'),
]


def expected_version(if_match: str | None, version: int | None) -> int:
    """The version that the caller read, from If-Match or the body. Raises Invalid."""
    if if_match is None and version is None:
        raise Invalid("version: send the version that you read, here or as If-Match", field="version")
    if if_match is None:
        assert version is not None
        return version
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Invalid('If-Match: an ETag that was read before, e.g. "3"', field="header.If-Match")
    if version is not None and version != int(text):
        raise Invalid("version: differs from If-Match; send one of them", field="version")
    return int(text)


def tag(response: Response, version: int) -> None:
    """Give the response the ETag of a version."""
    response.headers["ETag"] = f'"{version}"'


class Workplaces(RequestBody):
    """Where somebody, or a key, works: in all stores, or in those listed."""

    all_stores: bool = False
    store_ids: StoreIds = Field(default=frozenset(), validate_default=True)

    @field_validator("store_ids")
    @classmethod
    def _somewhere(cls, store_ids: frozenset[UUID], info: ValidationInfo) -> frozenset[UUID]:
        everywhere = info.data.get("all_stores")
        if everywhere and store_ids:
            raise ValueError("leave them away together with all_stores")
        if everywhere is False and not store_ids:
            raise ValueError("name at least one store, or set all_stores")
        return store_ids
