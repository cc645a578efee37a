"""Every permission by name. Roles are named sets of these; routes ask for them; API keys carry them as scopes.

`<service>.*` grants all of a service. Limits (discount, refund, cash out) go with the role, not with the permission.
"""

from enum import StrEnum


class Permission(StrEnum):
    """The name of something that a caller may be allowed to do."""

    IDENTITY_READ = "identity.read"
    IDENTITY_MANAGE_STORES = "identity.manage_stores"
    IDENTITY_MANAGE_STAFF = "identity.manage_staff"
    IDENTITY_MANAGE_KEYS = "identity.manage_keys"
    IDENTITY_APPROVE = "identity.approve"
    IDENTITY_READ_AUDIT = "identity.read_audit"

    CATALOG_READ = "catalog.read"
    CATALOG_WRITE = "catalog.write"
    CATALOG_IMPORT = "catalog.import"
    CATALOG_READ_STOCK = "catalog.read_stock"
    CATALOG_ADJUST_STOCK = "catalog.adjust_stock"

    SALES_READ = "sales.read"
    SALES_SELL = "sales.sell"
    SALES_DISCOUNT = "sales.discount"
    SALES_OVERRIDE_PRICE = "sales.override_price"
    SALES_CONFIRM_AGE = "sales.confirm_age"
    SALES_RETURN = "sales.return"
    SALES_RETURN_WITHOUT_RECEIPT = "sales.return_without_receipt"
    SALES_VOID = "sales.void"
    SALES_REPRINT = "sales.reprint"
    SALES_OPEN_SHIFT = "sales.open_shift"
    SALES_CLOSE_SHIFT = "sales.close_shift"
    SALES_CLOSE_ANY_SHIFT = "sales.close_any_shift"
    SALES_CASH_IN = "sales.cash_in"
    SALES_CASH_OUT = "sales.cash_out"
    SALES_NO_SALE = "sales.no_sale"
    SALES_X_REPORT = "sales.x_report"
    SALES_CONFIGURE = "sales.configure"

    GATEWAY_READ = "gateway.read"
    GATEWAY_USE = "gateway.use"
    GATEWAY_PRINT_DUPLICATE = "gateway.print_duplicate"

    PAYMENTS_READ = "payments.read"
    PAYMENTS_CHARGE = "payments.charge"
    PAYMENTS_RESOLVE = "payments.resolve"
    PAYMENTS_CONFIRM = "payments.confirm"
    PAYMENTS_REFUND = "payments.refund"
    PAYMENTS_SETTLE = "payments.settle"
    PAYMENTS_CONFIGURE = "payments.configure"

    OPERATIONS_MESSAGES = "operations.messages"


APPROVED_UP_TO_A_DISCOUNT: frozenset[Permission] = frozenset({Permission.SALES_DISCOUNT})
"""An approval of these says up to which part of the price (`up_to.discount_ppm`)."""

APPROVED_UP_TO_AN_AMOUNT: frozenset[Permission] = frozenset(
    {
        Permission.SALES_OVERRIDE_PRICE,
        Permission.SALES_RETURN,
        Permission.SALES_RETURN_WITHOUT_RECEIPT,
        Permission.SALES_CASH_OUT,
    }
)
"""An approval of these says up to which amount (`up_to.amount_minor` of `up_to.currency`): by how much prices are
changed in all, how much is given back, how much is taken out of the drawer."""

CASHIER: frozenset[Permission] = frozenset(
    {
        Permission.CATALOG_READ,
        Permission.CATALOG_READ_STOCK,
        Permission.SALES_READ,
        Permission.SALES_SELL,
        Permission.SALES_DISCOUNT,
        Permission.SALES_CONFIRM_AGE,
        Permission.SALES_RETURN,
        Permission.SALES_REPRINT,
        Permission.SALES_OPEN_SHIFT,
        Permission.SALES_CLOSE_SHIFT,
        Permission.SALES_CASH_IN,
        Permission.GATEWAY_READ,
        Permission.GATEWAY_USE,
        Permission.GATEWAY_PRINT_DUPLICATE,
        Permission.PAYMENTS_READ,
        Permission.PAYMENTS_CHARGE,
        Permission.PAYMENTS_RESOLVE,
    }
)
"""What a cashier may do alone; limits start at a 10 % discount and a refund of 50.00."""

MANAGER: frozenset[Permission] = CASHIER | {
    Permission.IDENTITY_READ,
    Permission.IDENTITY_APPROVE,
    Permission.IDENTITY_READ_AUDIT,
    Permission.CATALOG_ADJUST_STOCK,
    Permission.SALES_OVERRIDE_PRICE,
    Permission.SALES_RETURN_WITHOUT_RECEIPT,
    Permission.SALES_VOID,
    Permission.SALES_CLOSE_ANY_SHIFT,
    Permission.SALES_CASH_OUT,
    Permission.SALES_NO_SALE,
    Permission.SALES_X_REPORT,
    Permission.PAYMENTS_CONFIRM,
    Permission.PAYMENTS_REFUND,
    Permission.PAYMENTS_SETTLE,
}
"""What a store's manager may do, and lend to others by an approval."""

ADMINISTRATOR: frozenset[Permission] = frozenset(Permission)
"""Everything."""
