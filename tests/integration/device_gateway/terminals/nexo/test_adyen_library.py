"""Message protection against Adyen's own library for node, both ways. Left out where node or the package cannot be had.

The package is installed into a cache outside the repository: TILLSTREAM_TEST_NPM_CACHE, or the user's cache folder.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from device_gateway.drivers.terminal.nexo.protection import NotAuthentic, derive_key, seal, unseal

_PACKAGE = "@adyen/api-library@32"
_INSTALL_TIMEOUT_S = 60
_NODE_TIMEOUT_S = 30
_KEY = derive_key("mykey", 3, "pass phrase, 42!")
_TEXT = '{"SaleToPOIRequest":{"Zürich":"Köln ₮ 10.99"}}'
_HEADER = {"ServiceID": "R000000001", "POIID": "V400m-324688179"}
_PROGRAM = """
const crypto = require("@adyen/api-library/lib/src/security/nexoCrypto").default;
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const key = {AdyenCryptoVersion: 1, KeyIdentifier: "mykey", KeyVersion: 3, Passphrase: "pass phrase, 42!"};
const seal = () => crypto.encrypt(asked.header, asked.text, key);
const read = () => new crypto().decrypt(asked, key);
process.stdout.write(JSON.stringify(asked.text !== undefined ? seal() : read()));
"""


@pytest.fixture(scope="module")
def package_folder() -> Path:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    cache = os.environ.get("TILLSTREAM_TEST_NPM_CACHE") or Path.home() / ".cache" / "tillstream-tests" / "adyen"
    folder = Path(cache)
    if not (folder / "node_modules" / "@adyen" / "api-library").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), _PACKAGE]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_TIMEOUT_S)
        except (OSError, subprocess.SubprocessError):
            pytest.skip(f"{_PACKAGE} cannot be had from npm here")
    return folder


def _node(folder: Path, asked: dict[str, Any]) -> Any:
    answered = subprocess.run(
        ["node", "-e", _PROGRAM],
        cwd=folder,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=_NODE_TIMEOUT_S,
    )
    return json.loads(answered.stdout)


def test_what_we_seal_adyens_library_reads(package_folder: Path) -> None:
    assert _node(package_folder, seal(_TEXT, _HEADER, _KEY, secrets.token_bytes(16))) == _TEXT


def test_what_adyens_library_seals_we_read(package_folder: Path) -> None:
    sealed = _node(package_folder, {"header": _HEADER, "text": _TEXT})

    assert unseal(sealed, _KEY) == _TEXT
    assert sealed["MessageHeader"] == _HEADER
    with pytest.raises(NotAuthentic):
        unseal(sealed, derive_key("mykey", 3, "another"))
