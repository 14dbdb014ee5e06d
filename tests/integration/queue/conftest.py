"""The queue on each kind of database; the databases are made once and emptied after each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_bed import CommandBed
from tests.support.migrated import sqlite_url_of
from tests.support.postgres import Postgres
from tests.support.queue_bed import QueueBed
from tests.support.queue_database import QueueDatabase


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueDatabase]:
    """Give an SQLite database with the queue's tables."""
    file: Path = tmp_path_factory.mktemp("queue") / "queue.db"
    database = QueueDatabase(sqlite_url_of(file))
    database.create_tables()
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def postgres_tables(postgres: Postgres) -> Iterator[QueueDatabase]:
    """Give a Postgres database with the queue's tables."""
    with postgres.database() as url:
        database = QueueDatabase(url)
        database.create_tables()
        yield database
        database.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Iterator[QueueDatabase]:
    """Give the empty tables, on each kind of database in turn."""
    database: QueueDatabase = request.getfixturevalue(f"{request.param}_tables")
    yield database
    database.clear()


@pytest.fixture
def queue(database: QueueDatabase) -> QueueBed:
    """Give an empty queue, on each kind of database in turn."""
    return QueueBed(database)


@pytest.fixture
def commands(queue: QueueBed) -> CommandBed:
    """Give an empty queue and whoever submits commands to it, on each kind of database in turn."""
    return CommandBed(queue)


@pytest.fixture
def postgres_queue(postgres_tables: QueueDatabase) -> Iterator[QueueBed]:
    """Give an empty queue on Postgres, for what SQLite cannot do: many at once."""
    yield QueueBed(postgres_tables)
    postgres_tables.clear()
