"""What a barcode is refused for."""

from libs.contracts.refusal import Invalid


class UnreadableBarcode(Invalid):
    """The text is not a barcode that means a product."""

    type = "unreadable-barcode"


class WrongCheckDigit(UnreadableBarcode):
    """The check digit does not fit: a digit was mistyped or misread.

    `facts["expected"]`, where it can be told, is the code with the right one.
    """

    type = "wrong-check-digit"
