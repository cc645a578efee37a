"""The living shop, set up once for each worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.testkit.databases import DatabaseServer
from tests.contract.living_shop import LivingShop, living_shop

SETTINGS = {
    # The weakest that Argon2 allows: nothing here is about the strength of hashes.
    "TILLSTREAM_IDENTITY_ARGON2_MEMORY_KIB": "8",
    "TILLSTREAM_IDENTITY_ARGON2_ITERATIONS": "1",
    # Mail is queued; nobody looks at the queue while the tests run.
    "TILLSTREAM_SALES_SMTP_HOST": "mail.invalid",
    "TILLSTREAM_SALES_MAIL_FROM": "receipts@corner.example",
    "TILLSTREAM_SALES_RECEIPT_MAIL_EVERY_S": "86400",
    "TILLSTREAM_PAYMENTS_ACQUIRERS_FILE": str(Path(__file__).with_name("acquirers.toml")),
}


@pytest.fixture(scope="session")
def shop(postgres_server: DatabaseServer) -> Iterator[LivingShop]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        with living_shop(postgres_server) as living:
            yield living
