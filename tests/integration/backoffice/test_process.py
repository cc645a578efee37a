"""In a process of its own the back office needs neither a database nor a broker, only the others' address."""

from __future__ import annotations

import signal

import httpx

from tests.integration.host.processes import child, free_port

NOBODY = "127.0.0.1:9"


def test_it_starts_and_serves_while_nothing_else_is_there() -> None:
    port = free_port()
    settings = {
        "TILLSTREAM_DATABASE_URL": f"postgresql://nobody@{NOBODY}/none",
        "TILLSTREAM_RABBITMQ_URL": f"amqp://{NOBODY}/",
        "TILLSTREAM_REDIS_URL": f"redis://{NOBODY}/0",
        "TILLSTREAM_EDGE_URL": f"http://{NOBODY}",
        "TILLSTREAM_BACKOFFICE_TABLE_ROWS": "20",
    }
    with child(["libs.host.cli", "run", "backoffice", "--port", str(port)], settings) as process:
        process.until(lambda line: "ready" in line and "backoffice" in line)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            assert http.get("/backoffice/readyz").json() == {"ready": True, "checks": {}}
            form = {"staff_code": "A01", "password": "a long pass phrase"}
            answer = http.post("/backoffice/sign-on", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 502
        assert "The service identity does not answer." in answer.text
        assert process.stop(signal.SIGTERM) == 0
