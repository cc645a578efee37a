"""`make compose-smoke`: does the compose file work, from an empty machine to a sale seen by its consumer?

Builds the image, starts everything under a project name of its own with secrets of its own, sets a shop up over the
edge, sells, watches the stock of the sold goods change in catalog (which hears of sales only by events), scales sales
to three replicas and sells on, closes the shift, and removes everything again.

    python -m infra.docker.smoke            exit code 0: it works; 1: it does not; 3: no Docker
    python -m infra.docker.smoke --keep     leave it running and say where it is
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.table import Table

from infra.demo.api import Api, DemoFailed
from infra.demo.cashier import CURRENCY, Cashier
from infra.demo.goods import Goods, assortment, baskets
from infra.demo.shop import Shop, set_up_shop
from libs.host.console import err, out
from libs.money import Money, Quantity

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("identity", "catalog", "sales", "payments", "backoffice")
REPLICAS = 3
TILLS = 3
BASKETS_BEFORE = 30
BASKETS_AFTER = 60
READY_WITHIN_S = 180.0
ARRIVES_WITHIN_S = 60.0
REQUEST_TIMEOUT_S = 30.0
BUILD_LIMIT_S = 1200
COMMAND_LIMIT_S = 300
LOG_LINES = 40


class SmokeFailed(Exception):
    """A step did not do what it should; the sentence says what was seen instead."""


@dataclass
class Compose:
    """docker compose for one project."""

    command: list[str]
    project: str
    variables: dict[str, str]
    env_file: Path

    def run(self, *arguments: str, limit_s: float = COMMAND_LIMIT_S) -> str:
        """Run a command and return its output. Raises SmokeFailed with the end of it."""
        options = ["-p", self.project, "-f", str(ROOT / "docker-compose.yml"), "--env-file", str(self.env_file)]
        try:
            finished = subprocess.run(  # noqa: S603 - our own arguments
                [*self.command, *options, *arguments],
                cwd=ROOT,
                # The shell's variables would override the file's, and with it the secrets of this run.
                env={name: value for name, value in os.environ.items() if name not in self.variables},
                capture_output=True,
                text=True,
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SmokeFailed(f"compose {' '.join(arguments)} was not finished after {limit_s:g} s") from error
        if finished.returncode:
            tail = "\n".join((finished.stdout + finished.stderr).strip().splitlines()[-LOG_LINES:])
            raise SmokeFailed(f"compose {' '.join(arguments)} failed:\n{tail}")
        return finished.stdout


class Report:
    """The steps, how long they took and what was seen."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []

    async def step(self, name: str, work: Awaitable[str]) -> None:
        """Do one step and note what it saw."""
        started = time.perf_counter()
        err.print(f"{name} ...", highlight=False)
        try:
            seen = await work
        except Exception as error:
            self.rows.append((name, f"{time.perf_counter() - started:.1f} s", f"[red]failed[/red] {error}"))
            raise
        self.rows.append((name, f"{time.perf_counter() - started:.1f} s", seen))

    def show(self) -> None:
        """Print the table."""
        table = Table("step", "took", "seen")
        for row in self.rows:
            table.add_row(*row)
        out.print(table)


def compose_command() -> list[str]:
    """`docker compose`, or `docker-compose` where there is only the older one. Raises SmokeFailed."""
    docker = shutil.which("docker")
    if docker is None:
        raise SmokeFailed("there is no docker command")
    if subprocess.run([docker, "info"], capture_output=True, check=False).returncode:  # noqa: S603 - a fixed command
        raise SmokeFailed("the Docker engine does not answer (docker info)")
    if not subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:  # noqa: S603
        return [docker, "compose"]
    older = shutil.which("docker-compose")
    if older is None:
        raise SmokeFailed("there is neither `docker compose` nor `docker-compose`")
    return [older]


def own_variables(port: int) -> dict[str, str]:
    """The variables of .env.example with secrets of this run."""
    variables: dict[str, str] = {}
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.startswith("#"):
            variables[name] = secrets.token_urlsafe(24) if "change-me" in value else value
    variables["IDENTITY_ENCRYPTION_KEY"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    variables["TILLSTREAM_PORT"] = str(port)
    variables["TILLSTREAM_VERSION"] = "smoke"
    return variables


@contextmanager
def project() -> Iterator[tuple[Compose, str]]:
    """A compose project of our own and the URL of its edge."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    variables = own_variables(port)
    with tempfile.TemporaryDirectory(prefix="tillstream-smoke-") as folder:
        env_file = Path(folder) / "env"
        env_file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()), encoding="utf-8")
        name = f"tillstream-smoke-{secrets.token_hex(3)}"
        yield Compose(compose_command(), name, variables, env_file), f"http://127.0.0.1:{port}"


class Smoke:
    """The steps, in order; each returns what it saw."""

    def __init__(self, compose: Compose, http: httpx.AsyncClient) -> None:
        self._compose = compose
        self._http = http
        self._shop: Shop | None = None
        self._goods = [[assortment()[name] for name in names] for names in baskets(BASKETS_BEFORE + BASKETS_AFTER)]

    @property
    def shop(self) -> Shop:
        assert self._shop is not None
        return self._shop

    async def build(self) -> str:
        await asyncio.to_thread(self._compose.run, "build", limit_s=BUILD_LIMIT_S)
        return "one image for all services"

    async def start(self) -> str:
        await asyncio.to_thread(self._compose.run, "up", "-d")
        await self._until(self._everything_ready, "every service to be ready at the edge", READY_WITHIN_S)
        return f"{', '.join(SERVICES)} ready behind the edge"

    async def set_up(self) -> str:
        code = self._compose.variables["IDENTITY_SETUP_CODE"]
        self._shop = await set_up_shop(Api(self._http), {"TILLSTREAM_IDENTITY_SETUP_CODE": code}, TILLS)
        for cashier in self.shop.cashiers:
            await cashier.open_shift()
        return f"{len(assortment())} products, {TILLS} tills with open shifts"

    async def sell_before(self) -> str:
        return await self._sell(self._goods[:BASKETS_BEFORE])

    async def scale(self) -> str:
        await asyncio.to_thread(self._compose.run, "up", "-d", "--no-recreate", "--scale", f"sales={REPLICAS}")
        await self._until(self._all_replicas_seen, f"{REPLICAS} replicas of sales behind the edge", READY_WITHIN_S)
        return f"{REPLICAS} replicas of sales answer in turns"

    async def sell_after(self) -> str:
        return await self._sell(self._goods[BASKETS_BEFORE:])

    async def arrived(self) -> str:
        expected: dict[str, int] = defaultdict(int)
        for cashier in self.shop.cashiers:
            for sale in cashier.receipts:
                for line in sale["lines"]:
                    expected[line["product_id"]] -= line["quantity_milli"]

        async def agrees() -> bool:
            rows = await self.shop.office.every("/catalog/v1/stock", store_id=self.shop.store_id)
            return {row["product_id"]: Quantity.of(row["on_hand"]).milli for row in rows} == expected

        await self._until(agrees, "catalog's stock to show every sale", ARRIVES_WITHIN_S)
        return f"the stock of {len(expected)} products moved by exactly what was sold"

    async def close(self) -> str:
        total_minor = documents = 0
        for cashier in self.shop.cashiers:
            held = await cashier.api.get(f"/sales/v1/tills/{cashier.till_id}/continuity")
            if (held["held_count"], held["missing_count"]) != (cashier.tally.documents, 0):
                raise SmokeFailed(f"till {cashier.till_code} sold {cashier.tally.documents} times, but: {held}")
            report = await cashier.close_shift([1])
            if report["total_minor"] != cashier.tally.total_minor:
                raise SmokeFailed(
                    f"the Z report of till {cashier.till_code} says {report['total_minor']}, "
                    f"its receipts {cashier.tally.total_minor}"
                )
            total_minor += report["total_minor"]
            documents += cashier.tally.documents
        total = Money(total_minor, CURRENCY).format("en")
        return f"{documents} receipts, none missing; Z totals = sum of receipts = {total}"

    async def _sell(self, goods: Sequence[Sequence[Goods]]) -> str:
        async def work(index: int, cashier: Cashier) -> None:
            for basket in goods[index::TILLS]:
                await cashier.sell(basket)

        await asyncio.gather(*(work(index, cashier) for index, cashier in enumerate(self.shop.cashiers)))
        return f"{len(goods)} baskets at {TILLS} tills at once"

    async def _everything_ready(self) -> bool:
        answers = [await self._http.get(f"/{service}/readyz") for service in SERVICES]
        return all(answer.status_code == 200 for answer in answers)

    async def _all_replicas_seen(self) -> bool:
        """Each process says when it was started; as many different moments as replicas must come back."""
        started = set()
        for _ in range(4 * REPLICAS):
            text = (await self._http.get("/sales/metrics")).text
            started |= {line for line in text.splitlines() if line.startswith("process_start_time_seconds ")}
        return len(started) == REPLICAS

    async def _until(self, check: Callable[[], Awaitable[bool]], what: str, limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            try:
                if await check():
                    return
            except (httpx.TransportError, DemoFailed):
                pass
            await asyncio.sleep(0.5)
        raise SmokeFailed(f"waited {limit_s:g} s in vain for {what}")


async def smoke(compose: Compose, url: str, report: Report) -> None:
    """All steps; raises at the first that fails."""
    async with httpx.AsyncClient(base_url=url, timeout=REQUEST_TIMEOUT_S) as http:
        steps = Smoke(compose, http)
        for name, work in (
            ("build the image", steps.build),
            ("start everything", steps.start),
            ("set a shop up over the edge", steps.set_up),
            ("sell", steps.sell_before),
            (f"scale sales to {REPLICAS}", steps.scale),
            ("sell on", steps.sell_after),
            ("see the events at a consumer", steps.arrived),
            ("close the shifts", steps.close),
        ):
            await report.step(name, work())


def main(arguments: list[str]) -> int:
    """Run it; the exit code."""
    report = Report()
    try:
        with project() as (compose, url):
            try:
                asyncio.run(smoke(compose, url, report))
            except (SmokeFailed, DemoFailed, httpx.HTTPError) as error:
                report.show()
                err.print(f"[red]The compose file does not work:[/red] {error}", highlight=False)
                _show_logs(compose)
                return 1
            finally:
                if "--keep" in arguments:
                    input(f"It runs at {url} as project {compose.project}. Enter removes it.")
                compose.run("down", "--volumes", "--timeout", "5")
    except SmokeFailed as error:
        err.print(f"[red]Cannot try the compose file:[/red] {error}.", highlight=False)
        return 3
    report.show()
    out.print("The compose file works.")
    return 0


def _show_logs(compose: Compose) -> None:
    try:
        err.print(compose.run("ps"), markup=False, highlight=False)
        err.print(compose.run("logs", "--tail", str(LOG_LINES), "--no-color"), markup=False, highlight=False)
    except SmokeFailed as error:
        err.print(str(error), markup=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
