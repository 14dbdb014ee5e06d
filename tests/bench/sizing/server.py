"""One API server with a database of its own, and the figures that are read from outside of both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine

from tests.bench.database import Database
from tests.support.airflow_bed import AirflowBed
from tests.support.migrated import migrate
from tests.support.postgres import Postgres

UNLIMITED = 10**9


@dataclass(frozen=True)
class Server:
    """``token``: of any agent for any queue. ``heartbeat_seconds``: what agents are told."""

    bed: AirflowBed
    postgres: Postgres
    database: Database
    engine: Engine
    token: str
    home: Path
    heartbeat_seconds: int

    @property
    def pid(self) -> int:
        """Of the API server."""
        return self.bed.parts["api-server"].process.pid

    @property
    def postgres_pid(self) -> int:
        """Of the server of the database, whose children are the connections."""
        assert self.postgres.server is not None
        return self.postgres.server.pid


@contextmanager
def running(postgres: Postgres, home: Path, heartbeat_seconds: int) -> Iterator[Server]:
    """Start it; the limit of requests for one token is off, because here one token is everybody's."""
    home.mkdir()
    name = postgres.create()
    url = postgres.url(name)
    migrate(url, home)
    settings = {
        "AIRFLOW__EDGE_AGENT__HEARTBEAT_SECONDS": str(heartbeat_seconds),
        "AIRFLOW__EDGE_AGENT__REQUESTS_PER_MINUTE": str(UNLIMITED),
    }
    bed = AirflowBed(home / "airflow", url, settings=settings, pace={})
    database, engine = Database(postgres, name), create_engine(url)
    try:
        bed.start("api-server")
        token = bed.rest.steer("POST", "/tokens", json={"name": "sizing"})["token"]
        yield Server(bed, postgres, database, engine, token, home, heartbeat_seconds)
    finally:
        bed.__exit__()
        engine.dispose()
        database.close()
