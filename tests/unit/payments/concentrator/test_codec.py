"""Messages as bytes: both dialects, MACs, and bytes that are no message."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.payments.domain.concentrator.batch import BatchTotals, settlement
from services.payments.domain.concentrator.message import Message, WrongMessage
from services.payments.domain.concentrator.requests import Card, network, purchase, reversal
from services.payments.domain.concentrator.sensitive import ChipData, PinBlock, Track2
from services.payments.gateways.acquirer.codec import Codec, MacMissingOrWrong
from services.payments.gateways.acquirer.dialect import Dialect, DialectWrong, MacOfDialect, read_dialect
from services.payments.gateways.acquirer.mac import Algorithm, MacKey
from tests.unit.payments.concentrator.samples import CARD, MERCHANT, PAN, SALE, TRACE

CHIP_CARD = Card(
    "051", track_2=Track2(f"{PAN}=2912101000"), chip=ChipData("9F260812345678"), pin_block=PinBlock("0123456789ABCDEF")
)
MESSAGES = [
    purchase(MERCHANT, CARD, TRACE, 15_000, cash_back_minor=5_000),
    purchase(MERCHANT, CHIP_CARD, TRACE, 15_000),
    reversal(MERCHANT, TRACE, SALE, mti="0420", remaining_minor=1),
    settlement(MERCHANT, TRACE, BatchTotals()),
    network("301", TRACE),
]
KEYS: dict[Algorithm, str] = {
    "retail": "0123456789ABCDEFFEDCBA9876543210",
    "cmac-aes": "2B7E151628AED2A6ABF7158809CF4F3C",
}


def with_mac(algorithm: Algorithm, name: str = "ascii") -> tuple[Dialect, MacKey]:
    dialect = read_dialect(name).model_copy(update={"mac": MacOfDialect(algorithm=algorithm)})
    return dialect, MacKey(algorithm, KEYS[algorithm])


@pytest.mark.parametrize("dialect", ["ascii", "bcd"])
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.mti)
def test_a_message_is_read_as_it_was_written(dialect: str, message: Message) -> None:
    codec = Codec(read_dialect(dialect))
    read = codec.read(codec.write(message))
    wanted = {
        number: text.replace("=", "D") if number == 35 and dialect == "bcd" else text
        for number, text in message.fields.items()
    }
    assert (read.mti, dict(read.fields)) == (message.mti, wanted)


def test_an_echo_has_these_bytes_in_ascii_and_these_packed() -> None:
    message = network("301", TRACE)
    bitmaps = "8220000000000000" + "0400000000000000"
    digits = b"0302111530" + b"000042" + b"301"
    assert Codec(read_dialect("ascii")).write(message) == b"0800" + bytes.fromhex(bitmaps) + digits
    assert Codec(read_dialect("bcd")).write(message).hex() == "0800" + bitmaps + "0302111530" + "000042" + "0301"


def test_the_aes_mac_is_the_one_of_nists_example_cut_to_eight_bytes() -> None:
    key = MacKey("cmac-aes", KEYS["cmac-aes"])
    assert key.sign(bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")).hex() == "070a16b46b4d4144"


@pytest.mark.parametrize("algorithm", ["retail", "cmac-aes"])
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.mti)
def test_a_changed_byte_anywhere_is_noticed(algorithm: Algorithm, message: Message) -> None:
    codec = Codec(*with_mac(algorithm))
    data = codec.write(message)
    read = codec.read(data)
    field = 128 if any(number > 64 for number in message.fields) else 64
    assert read.fields[field] == data[-8:].hex().upper()
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        with pytest.raises(WrongMessage):
            codec.read(bytes(changed))


def test_a_message_without_its_mac_is_not_the_acquirers() -> None:
    unsigned = Codec(read_dialect("ascii")).write(MESSAGES[0])
    with pytest.raises(MacMissingOrWrong):
        Codec(*with_mac("retail")).read(unsigned)


def test_only_the_chosen_messages_are_authenticated_and_so_are_their_replies() -> None:
    dialect, key = with_mac("retail")
    chosen = dialect.model_copy(update={"mac": MacOfDialect(algorithm="retail", message_types=frozenset({"0200"}))})
    codec = Codec(chosen, key)
    assert 64 not in codec.read(codec.write(network("301", TRACE))).fields
    assert 64 in codec.read(codec.write(MESSAGES[0])).fields
    with pytest.raises(MacMissingOrWrong):
        codec.read(Codec(read_dialect("ascii")).write(Message.of("0210", {39: "00"})))


def test_fields_that_the_acquirer_does_not_want_are_left_out() -> None:
    dialect = read_dialect("ascii")
    messages = dialect.messages.model_copy(update={"without_fields": frozenset({18})})
    codec = Codec(dialect.model_copy(update={"messages": messages}))
    assert 18 not in codec.read(codec.write(MESSAGES[0])).fields


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
@pytest.mark.parametrize("dialect", ["ascii", "bcd"])
def test_any_bytes_are_a_message_or_a_wrong_message(dialect: str, data: bytes) -> None:
    try:
        Codec(read_dialect(dialect)).read(data)
    except WrongMessage:
        return


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_message_cut_short_is_a_wrong_message(data: st.DataObject) -> None:
    codec = Codec(read_dialect("ascii"))
    whole = codec.write(MESSAGES[0])
    with pytest.raises(WrongMessage):
        codec.read(whole[: data.draw(st.integers(0, len(whole) - 1))])


def test_a_key_without_an_algorithm_and_the_other_way_round_are_refused() -> None:
    with pytest.raises(DialectWrong, match="go together"):
        Codec(read_dialect("ascii"), MacKey("retail", KEYS["retail"]))
    with pytest.raises(DialectWrong, match="go together"):
        Codec(with_mac("retail")[0])
    with pytest.raises(DialectWrong, match="not cmac-aes"):
        Codec(with_mac("cmac-aes")[0], MacKey("retail", KEYS["retail"]))


@pytest.mark.parametrize(("key", "sentence"), [("xy", "hexadecimal"), ("00", "must have 32 hexadecimal digits")])
def test_a_wrong_key_is_refused_without_being_repeated(key: str, sentence: str) -> None:
    with pytest.raises(DialectWrong, match=sentence):
        MacKey("retail", key)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("title = 1", "is wrong"), ("title = ", "cannot be read"), ('title="x"\nbase="ascii"\n[fields.x]\n', "is wrong")],
)
def test_a_wrong_dialect_is_refused_by_its_name(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DialectWrong, match=f"own.toml {sentence}"):
        read_dialect(str(path))
    with pytest.raises(DialectWrong, match="there are ascii, bcd"):
        read_dialect("elavon")
