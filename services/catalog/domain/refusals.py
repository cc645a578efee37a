"""What the catalogue refuses, each with a stable type."""

from libs.contracts.refusal import Conflict, Invalid, NotFound


class UnknownProduct(NotFound):
    """There is no such product."""

    type = "unknown-product"


class UnknownBarcode(NotFound):
    """No product has this barcode."""

    type = "unknown-barcode"


class UnknownCategory(Invalid):
    """A product or a promotion names a category that does not exist."""

    type = "unknown-category"


class UnknownTaxCategory(Invalid):
    """A product names a tax category that does not exist."""

    type = "unknown-tax-category"


class UnknownPriceList(Invalid):
    """A price names a price list that does not exist."""

    type = "unknown-price-list"


class NotFoundHere(NotFound):
    """A category, tax category, price list, promotion or import that does not exist."""

    type = "not-found"


class CodeTaken(Conflict):
    """The code belongs to another."""

    type = "code-taken"


class DuplicateBarcode(Conflict):
    """The barcode belongs to another product; `facts['product_id']` and `facts['product_code']` say to which."""

    type = "duplicate-barcode"


class StaleVersion(Conflict):
    """Somebody else changed it in the meantime; `facts['current_version']` is the version to start again from."""

    type = "stale-version"


class ImportUnreadable(Invalid):
    """A file cannot be imported as a whole: wrong encoding, no header, unknown columns."""

    type = "import-unreadable"
