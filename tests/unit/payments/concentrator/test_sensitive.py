"""No card number, track, PIN block or chip data in anything that is shown, logged or stored."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback
from collections.abc import Callable

import pytest

from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.requests import Card, purchase
from services.payments.domain.concentrator.sensitive import (
    CardDataWrong,
    CardNumber,
    ChipData,
    PinBlock,
    Sensitive,
    Track2,
)
from services.payments.gateways.acquirer.codec import Codec
from services.payments.gateways.acquirer.dialect import read_dialect
from services.payments.gateways.acquirer.mac import MacKey
from tests.unit.payments.concentrator.samples import MERCHANT, PAN, TRACE

TRACK = f"{PAN}=29121010000000000000"
PIN = "0123456789ABCDEF"
CHIP = "9F2608AABBCCDDEEFF0011"
SECRETS = (PAN, TRACK, PIN, CHIP, "2912")
CARD = Card(
    "051", number=CardNumber(PAN), expiry="2912", track_2=Track2(TRACK), pin_block=PinBlock(PIN), chip=ChipData(CHIP)
)
MESSAGE = purchase(MERCHANT, CARD, TRACE, 100)


@pytest.mark.parametrize(
    "shown", [CARD, MESSAGE, MESSAGE.fields, [CARD], {"card": CARD}, CardNumber(PAN), PinBlock(PIN)]
)
@pytest.mark.parametrize("show", [repr, str, lambda value: f"{value}", lambda value: f"{value!r:>200}"])
def test_nothing_of_the_card_is_shown(shown: object, show: Callable[[object], str]) -> None:
    text = show(shown)
    assert not any(secret in text for secret in SECRETS)


def test_nothing_of_the_card_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("%s %r %s", CARD, MESSAGE, MESSAGE.fields)
    assert not any(secret in caplog.text for secret in SECRETS)


def test_a_card_number_shows_its_first_six_and_last_four_digits() -> None:
    assert str(CardNumber(PAN)) == "<CardNumber 411111******1111>"


@pytest.mark.parametrize("secret", [CardNumber(PAN), Track2(TRACK), PinBlock(PIN), ChipData(CHIP)])
def test_card_data_cannot_be_stored_by_pickling(secret: Sensitive) -> None:
    with pytest.raises(TypeError, match="not to be stored"):
        pickle.dumps(secret)
    with pytest.raises(TypeError, match="not to be stored"):
        copy.deepcopy(secret)


def test_a_mac_key_shows_nothing() -> None:
    assert repr(MacKey("retail", "00112233445566778899AABBCCDDEEFF")) == "<MacKey retail>"


@pytest.mark.parametrize(
    ("kind", "text"),
    [(CardNumber, "4111111111111112"), (CardNumber, "411"), (Track2, PAN), (PinBlock, "12"), (ChipData, "ABC")],
)
def test_wrong_card_data_is_refused_without_repeating_it(kind: type[Sensitive], text: str) -> None:
    with pytest.raises(CardDataWrong) as refused:
        kind(text)
    assert text not in refused.value.sentence


def test_a_message_that_cannot_be_written_or_read_does_not_tell_its_contents() -> None:
    codec = Codec(read_dialect("ascii"))
    broken = Message.of("0200", {**MESSAGE.fields, 37: "too long for this field"})
    with pytest.raises(ValueError, match="field 37") as refused:
        codec.write(broken)
    whole = "".join(traceback.format_exception(refused.value))
    assert not any(secret in whole for secret in SECRETS)
    assert refused.value.__cause__ is None
    data = codec.write(MESSAGE)
    with pytest.raises(ValueError, match="cannot be read") as unread:
        codec.read(data[:-4])
    assert not any(secret in repr(unread.value) for secret in SECRETS)
