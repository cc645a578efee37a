"""Embedded mode on a machine that has just been switched on: time until the first sale is answered, and memory.

The shop was set up before; what is measured is `tillstream up` on its data folder, as a fresh process, until a till's
sale is committed and answered over HTTP. The very first start, with an empty folder, is measured too.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from infra.demo.api import Api
from infra.demo.goods import assortment
from infra.demo.shop import set_up_shop
from tests.integration.host.processes import free_port

BUDGET_S = 8.0
BUDGET_MB = 400
STARTS = 3
SALES_BEFORE_MEMORY = 100
LIMIT_S = 60.0
MEGABYTE = 1_000_000


def run() -> dict[str, Any]:
    """Seconds from the start of the process to the first answer and the first sale (the median), megabytes after."""
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> dict[str, Any]:
    port = free_port()
    goods = list(assortment().values())[:10]
    seconds, megabytes = [], []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=LIMIT_S) as http:

        async def ready() -> bool:
            return (await http.get("/sales/readyz")).is_success

        with _started(folder, port) as (begin, process):
            first_answer_s = await _until(ready, begin, process)
            code = (folder / "secrets" / "TILLSTREAM_IDENTITY_SETUP_CODE").read_text()
            shop = await set_up_shop(Api(http), {"TILLSTREAM_IDENTITY_SETUP_CODE": code}, 1)
            cashier = shop.cashiers[0]
            await cashier.open_shift()

        async def sold() -> bool:
            return await ready() and bool(await cashier.sell(goods))

        for _ in range(STARTS):
            with _started(folder, port) as (begin, process):
                seconds.append(await _until(sold, begin, process))
                for _ in range(SALES_BEFORE_MEMORY):
                    await cashier.sell(goods)
                megabytes.append(_memory(process, folder))
    return {
        "first_start_to_answer_s": round(first_answer_s, 2),
        "start_to_first_sale_s": round(statistics.median(seconds), 2),
        "budget_start_to_first_sale_s": BUDGET_S,
        "memory_with_postgres_mb": round(max(megabytes)),
        "budget_memory_with_postgres_mb": BUDGET_MB,
    }


@contextmanager
def _started(folder: Path, port: int) -> Iterator[tuple[float, psutil.Process]]:
    """`tillstream up` in a process of its own: when it was started, and the process."""
    command = [sys.executable, "-m", "libs.host.cli", "up", "--data", str(folder), "--port", str(port)]
    with (folder.parent / f"{folder.name}.log").open("w") as log:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "TILLSTREAM_LOG_LEVEL": "WARNING"}
        )
        try:
            yield begin, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(LIMIT_S)


async def _until(done: Callable[[], Awaitable[bool]], begin: float, process: psutil.Process) -> float:
    """Seconds since `begin` when `done` first says yes."""
    while time.perf_counter() - begin < LIMIT_S:
        try:
            if await done():
                return time.perf_counter() - begin
        except httpx.TransportError:
            assert process.is_running(), "tillstream up has ended"
        await asyncio.sleep(0.02)
    raise TimeoutError(f"not ready after {LIMIT_S} s")


def _memory(process: psutil.Process, folder: Path) -> float:
    """What the process and its PostgreSQL hold together, in megabytes; memory they share is counted once (PSS)."""
    family = [process]
    for other in psutil.process_iter(["name", "cmdline"]):
        if "postgres" in (other.info["name"] or "") and str(folder) in " ".join(other.info["cmdline"] or []):
            family += [other, *other.children(recursive=True)]
    used: float = sum(each.memory_full_info().pss for each in family)
    return used / MEGABYTE


if __name__ == "__main__":
    print(run())
