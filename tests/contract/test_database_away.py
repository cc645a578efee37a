"""While the database is away a request is told to come back, and when it is there again all is as before."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg import sql

from libs.host.registry import service_definition
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import running
from libs.web.problems import Problem

pytestmark = pytest.mark.anyio


async def test_requests_get_503_while_the_database_is_away_and_succeed_afterwards(
    postgres_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILLSTREAM_IDENTITY_ARGON2_MEMORY_KIB", "8")
    async with running([service_definition("identity")], postgres_server) as services:
        database = urlsplit(services.database_url).path.lstrip("/")
        assert (await services.http.get("/identity/v1/jwks.json")).status_code == 200

        _let_nobody_in(postgres_server, database)
        _told_to_come_back(await services.http.get("/identity/v1/jwks.json"))
        sign_on = {"staff_code": "root", "password": "correct horse battery"}
        _told_to_come_back(await services.http.post("/identity/v1/office-sign-ons", json=sign_on))
        assert (await services.http.get("/identity/readyz")).status_code == 503
        assert (await services.http.get("/identity/healthz")).status_code == 200

        _execute(postgres_server, sql.SQL("alter database {} allow_connections true").format(sql.Identifier(database)))
        assert (await services.http.get("/identity/v1/jwks.json")).status_code == 200
        assert (await services.http.get("/identity/readyz")).status_code == 200


def _told_to_come_back(response: httpx.Response) -> None:
    assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json"), response.text
    problem = Problem.model_validate_json(response.content)
    assert problem.type.endswith("/unavailable")
    assert problem.detail.endswith("Send the same request again.")
    assert response.headers["retry-after"] == "1"


def _let_nobody_in(server: DatabaseServer, database: str) -> None:
    _execute(server, sql.SQL("alter database {} allow_connections false").format(sql.Identifier(database)))
    _execute(
        server,
        sql.SQL("select pg_terminate_backend(pid) from pg_stat_activity where datname = {}").format(
            sql.Literal(database)
        ),
    )


def _execute(server: DatabaseServer, statement: sql.Composed) -> None:
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute(statement)
