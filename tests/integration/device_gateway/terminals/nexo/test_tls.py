"""A nexo terminal is reached by TLS, and only the one whose certificate is configured."""

from __future__ import annotations

import ipaddress
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from device_gateway.domain.card_operations import Declined, NotSent
from device_gateway.drivers.interface import DeviceMisconfigured
from device_gateway.drivers.terminal.nexo.driver import NexoTerminal
from device_gateway.drivers.terminal.nexo.simulator import serving_https
from device_gateway.drivers.terminal.simulated_ledger import NoCard
from tests.integration.device_gateway.terminals.nexo.terminals import opened, options_for, simulator
from tests.integration.device_gateway.terminals.operations import approved, operation, performed

_NAME = "V400m-324688179.test"


def _certificate(folder: Path, name: str, *, with_address: bool = True) -> tuple[Path, Path]:
    """A certificate that signs itself, for a name and for this machine; its file and its key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if with_address:
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


def test_the_terminal_with_the_configured_certificate_is_paid_at(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, _NAME)
    simulated = simulator()
    with serving_https(simulated, certificate, key) as url:
        device = opened(url, certificate_file=str(certificate))
        approved(device, operation("purchase", 1234))
        device.close()
    assert [entry.amount_minor for entry in simulated.ledger] == [1234]


def test_a_certificate_may_hold_a_name_instead_of_the_address(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, _NAME, with_address=False)
    with serving_https(simulator(), certificate, key) as url:
        with pytest.raises(DeviceMisconfigured, match="Check address, certificate_file and certificate_name"):
            opened(url, certificate_file=str(certificate))
        device = opened(url, certificate_file=str(certificate), certificate_name=_NAME)
        approved(device, operation("purchase", 1234))
        device.close()


def test_another_terminal_in_its_place_gets_not_one_message(tmp_path: Path) -> None:
    ours, _ = _certificate(tmp_path, _NAME)
    other, key = _certificate(tmp_path, "other.test")
    simulated = simulator()
    with serving_https(simulated, other, key) as url:
        with pytest.raises(DeviceMisconfigured, match="is not the terminal of certificate_file"):
            opened(url, certificate_file=str(ours))
        device = NexoTerminal(options_for(url, certificate_file=str(ours)))
        result = performed(device, operation("purchase", 1234))
        device.close()

    assert isinstance(result, NotSent)
    assert simulated.ledger == ()


def test_a_certificate_that_cannot_be_read_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(DeviceMisconfigured, match="cannot be read"):
        opened("https://127.0.0.1:1/nexo", certificate_file=str(tmp_path / "none.pem"))
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    with pytest.raises(DeviceMisconfigured, match="cannot be read"):
        opened("https://127.0.0.1:1/nexo", certificate_file=str(garbage))


def test_the_till_stops_a_terminal_that_waits_for_a_card(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, _NAME)
    simulated = simulator()
    simulated.terminal.rules.append(NoCard(after_s=60))
    with serving_https(simulated, certificate, key) as url:
        device = opened(url, certificate_file=str(certificate), operation_timeout_s=20)
        waiting = threading.Event()
        simulated.watch = lambda text: waiting.set() if text.startswith("Payment") else None

        def stop() -> None:
            waiting.wait(10)
            device.abort()

        stopping = threading.Thread(target=stop)
        stopping.start()
        result = performed(device, operation("purchase", 1234))
        stopping.join()
        device.close()

    assert result == Declined("Aborted", "Cancelled from the till.")
    assert simulated.ledger == ()
