"""acquirers.toml, right and wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from services.payments.domain.concentrator.links import LinkName
from services.payments.domain.concentrator.sensitive import CardNumber
from services.payments.gateways.acquirer.configuration import AcquirersWrong, read_acquirers
from services.payments.gateways.acquirer.link import Address

RIGHT = """
default = "first-bank"

[[acquirer]]
name = "first-bank"
dialect = "ascii"
primary = "192.0.2.1:8583"
backup = "192.0.2.2:8583"
stay_s = 60
cards = ["4"]

[[acquirer]]
name = "second-bank"
dialect = "bcd"
primary = "acquirer.example:9000"
cards = ["411111-411112", "51-55"]
"""
ONE = '[[acquirer]]\nname = "a"\ndialect = "ascii"\nprimary = "192.0.2.1:1"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "acquirers.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_two_acquirers_and_their_cards_are_read(tmp_path: Path) -> None:
    configured = read_acquirers(written(tmp_path, RIGHT), {})
    first, second = configured.acquirers["first-bank"], configured.acquirers["second-bank"]
    assert first.addresses == {
        LinkName.PRIMARY: Address("192.0.2.1", 8583),
        LinkName.BACKUP: Address("192.0.2.2", 8583),
    }
    assert first.rules.stay == timedelta(seconds=60)
    assert second.addresses == {LinkName.PRIMARY: Address("acquirer.example", 9000)}
    assert second.dialect.framing.tpdu == "6000030000"
    assert configured.routes.acquirer_for(CardNumber("4111111111111111")) == "second-bank"
    assert configured.routes.acquirer_for(CardNumber("4012888888881881")) == "first-bank"
    assert configured.routes.acquirer_for(CardNumber("378282246310005")) == "first-bank"


def test_a_dialect_of_ones_own_with_a_mac_needs_its_key(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('title = "Own"\nbase = "ascii"\n[mac]\nalgorithm = "retail"\n', encoding="utf-8")
    path = written(tmp_path, ONE.replace('"ascii"', '"own.toml"'))
    with pytest.raises(AcquirersWrong, match="a: its dialect authenticates messages"):
        read_acquirers(path, {})
    assert read_acquirers(path, {"a": "00" * 16}).acquirers["a"].key is not None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense", "cannot be read"),
        ("bank = 1", "bank is not known"),
        ('default = "b"\n' + ONE, "there is no acquirer 'b'"),
        (ONE + ONE, "two acquirers are called a"),
        (ONE + "speed = 1", "a: speed is not known; an acquirer has name, dialect"),
        (ONE.replace("192.0.2.1:1", "192.0.2.1"), "a: primary: it must be host and port"),
        (ONE.replace(":1", ":0"), "a port is a number from 1 to 65535"),
        (ONE.replace('"ascii"', '"elavon"'), "There is no dialect 'elavon'"),
        (ONE + 'cards = ["4x"]', "a: cards: it must be ranges of first digits"),
        (ONE + 'cards = ["5-4"]', "a: 5-4: a range is two numbers of the same length"),
        (ONE + 'cards = ["4"]\n' + ONE.replace('"a"', '"b"') + 'cards = ["4"]', "overlap"),
        (ONE + "answer_timeout_s = 0", "a: answer_timeout_s: "),
    ],
)
def test_a_mistake_is_told_with_acquirer_and_field(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(AcquirersWrong) as refused:
        read_acquirers(written(tmp_path, text), {})
    assert sentence in str(refused.value)
    assert "acquirers.toml" in str(refused.value)
