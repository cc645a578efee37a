"""Messages as bytes in an acquirer's dialect, with their MAC. No error repeats what stands in a field."""

from __future__ import annotations

from typing import Any

import iso8583

from services.payments.domain.concentrator.message import Message, WrongMessage
from services.payments.gateways.acquirer.dialect import Dialect, DialectWrong
from services.payments.gateways.acquirer.mac import MAC_BYTES, MacKey

_NO_MAC = "00" * MAC_BYTES
_FIRST_OF_SECOND_BITMAP = 65


class MacMissingOrWrong(WrongMessage):
    """A message that should be authenticated is not: it is no message of the acquirer's."""


class Codec:
    """Writes and reads messages of one acquirer."""

    def __init__(self, dialect: Dialect, key: MacKey | None = None) -> None:
        if (dialect.mac.algorithm == "none") != (key is None):
            raise DialectWrong(f"{dialect.title}: a MAC key and mac.algorithm go together; one of them is missing.")
        if key is not None and key.algorithm != dialect.mac.algorithm:
            raise DialectWrong(f"{dialect.title}: the MAC key is for {key.algorithm}, not {dialect.mac.algorithm}.")
        self._dialect = dialect
        self._key = key
        self._spec: dict[str, dict[str, Any]] = dialect.specification()
        self._packed_track = self._spec["35"]["data_enc"] == "b"

    def write(self, message: Message) -> bytes:
        """The bytes of a message, without framing. Raises WrongMessage naming the field."""
        left_out = self._dialect.messages.without_fields
        texts = {str(number): text for number, text in message.fields.items() if number not in left_out}
        if self._packed_track and "35" in texts:
            texts["35"] = texts["35"].replace("=", "D")
        texts["t"] = message.mti
        if self._key is None or not self._authenticated(message.mti):
            return self._encode(texts)
        texts[_mac_field(message)] = _NO_MAC
        unsigned = self._encode(texts)[:-MAC_BYTES]
        return unsigned + self._key.sign(unsigned)

    def read(self, data: bytes) -> Message:
        """The message in the bytes. Raises WrongMessage, MacMissingOrWrong."""
        try:
            texts, _ = iso8583.decode(data, self._spec)
        except iso8583.DecodeError as error:
            # Without its cause: that holds the whole message.
            raise WrongMessage(f"The message cannot be read: {error.msg} (field {error.field}).") from None
        fields = {int(name): text for name, text in texts.items() if name.isdecimal() and name != "1"}
        message = Message.of(texts["t"], fields)
        if self._key is not None and self._authenticated(message.mti):
            has_mac = int(_mac_field(message)) in fields
            if not has_mac or not self._key.verify(data[:-MAC_BYTES], data[-MAC_BYTES:]):
                raise MacMissingOrWrong(f"The MAC of a message {message.mti} is missing or wrong.")
        return message

    def _authenticated(self, mti: str) -> bool:
        chosen = self._dialect.mac.message_types
        return not chosen or mti in chosen or mti[:2] + str(int(mti[2]) // 2 * 2) + mti[3] in chosen

    def _encode(self, texts: dict[str, str]) -> bytes:
        try:
            data, _ = iso8583.encode(texts, self._spec)
        except iso8583.EncodeError as error:
            raise WrongMessage(f"The message cannot be written: {error.msg} (field {error.field}).") from None
        return bytes(data)


def _mac_field(message: Message) -> str:
    """128 where there is a second bitmap, else 64: the last field of the message."""
    others = (number for number in message.fields if number not in (64, 128))
    return "128" if any(number >= _FIRST_OF_SECOND_BITMAP for number in others) else "64"
