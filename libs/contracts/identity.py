"""What identity tells the others: stores, tills and staff."""

from uuid import UUID

from libs.contracts.message import Event, contract
from libs.contracts.values import CurrencyCode, MinorAmount, Part, PartsPerMillion


@contract("identity", "store_changed", subject="store_id", store="store_id")
class StoreChanged(Event):
    """A store as it is now. `tax_mode` is inclusive or exclusive, `tax_rounding` per_line or per_rate."""

    store_id: UUID
    code: str
    name: str
    country: str
    currency: CurrencyCode
    time_zone: str
    language: str
    tax_mode: str
    tax_rounding: str
    cash_rounding_minor: MinorAmount
    price_list: str | None
    tax_number: str | None
    address_lines: tuple[str, ...] = ()
    receipt_footer: str | None = None
    active: bool = True


@contract("identity", "till_changed", subject="till_id", store="store_id")
class TillChanged(Event):
    """A till as it is now; `enrolled` once a device has taken its one-time code."""

    till_id: UUID
    store_id: UUID
    code: str
    name: str
    enrolled: bool
    active: bool


@contract("identity", "gateway_changed", subject="gateway_id", store="store_id")
class GatewayChanged(Event):
    """The device gateway of a store PC as it is now, with the tills whose devices it owns."""

    gateway_id: UUID
    store_id: UUID
    code: str
    name: str
    till_ids: tuple[UUID, ...]
    enrolled: bool
    active: bool


class StaffLimits(Part):
    """How far a person may go without a manager."""

    discount_ppm: PartsPerMillion = 0
    refund_minor: MinorAmount = 0
    cash_out_minor: MinorAmount = 0


@contract("identity", "staff_changed", subject="staff_id")
class StaffChanged(Event):
    """A member of staff as they are now, with what their roles add up to. Never a PIN or its hash.

    Who works for `all_stores` has no `store_ids`.
    """

    staff_id: UUID
    code: str
    name: str
    language: str | None
    store_ids: tuple[UUID, ...]
    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    limits: StaffLimits
    active: bool
    all_stores: bool = False
