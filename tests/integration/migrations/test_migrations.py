"""Our tables come and go through Airflow's own command, and are what the models say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from airflow import settings
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, column, create_engine, create_mock_engine, inspect, select, table
from sqlalchemy.orm import Session

from airflow_plugin.db import EdgeAgentDBManager, UnsupportedDatabaseError
from airflow_plugin.models import Base

TABLES = {
    "edge_agent",
    "edge_agent_duty",
    "edge_agent_event",
    "edge_agent_job",
    "edge_agent_log",
    "edge_agent_sample",
    "edge_agent_token",
    "edge_agent_token_secret",
}
VERSIONS = "alembic_version_edge_agent"
JOB = """
    INSERT INTO edge_agent_job (id, kind, state, queue, requires, placement, rank, slots, priority_weight, runner,
        label, payload, queued_at)
    VALUES ('0123456789abcdef0123456789abcdef', 'task', 'queued', 'q', '{}', 'p', 0, 1, 0, 'local', 'kept', '{}',
        '2026-01-01 00:00:00')
"""


@dataclass
class Migrated:
    """A database that `airflow db migrate` made, with no configuration but its URL."""

    engine: Engine

    def tables(self) -> set[str]:
        return set(inspect(self.engine).get_table_names())

    def manage(self, verb: str, *args: Any, **options: Any) -> Any:
        """Call the manager as Airflow does."""
        with Session(self.engine) as session:
            return getattr(EdgeAgentDBManager(session), verb)(*args, **options)

    def revision(self) -> str | None:
        with self.engine.connect() as connection:
            return connection.execute(select(column("version_num")).select_from(table(VERSIONS))).scalar()


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> Iterator[Migrated]:
    """Make a database the one of this process: Alembic asks Airflow for it."""
    engine = create_engine(url)
    monkeypatch.setattr(settings, "engine", engine)
    monkeypatch.setattr(settings, "SQL_ALCHEMY_CONN", url)
    yield Migrated(engine)
    engine.dispose()


@pytest.fixture
def migrated(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Migrated]:
    yield from use(monkeypatch, database_url)


def test_airflow_db_migrate_makes_the_tables_with_nothing_configured(migrated):
    assert TABLES | {VERSIONS} < migrated.tables()
    assert migrated.revision() == "0004"
    assert migrated.manage("check_migration")


def test_what_the_migrations_make_is_what_the_models_say(migrated):
    def ours(_object, name, kind, *_):
        return kind != "table" or name in TABLES

    with migrated.engine.connect() as connection:
        options = {"compare_type": True, "include_object": ours}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []


def definitions(engine: Engine) -> list[str]:
    """Return everything that defines our tables, as the database itself says it."""
    asked = {
        "postgresql": """
            SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length, is_nullable,
                column_default) FROM information_schema.columns WHERE table_name LIKE 'edge\\_agent%'
            UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'edge\\_agent%'
            UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
                WHERE conrelid::regclass::text LIKE 'edge\\_agent%'
        """,
        "sqlite": "SELECT sql FROM sqlite_master WHERE tbl_name LIKE 'edge\\_agent%' ESCAPE '\\' AND sql IS NOT NULL",
    }
    with engine.connect() as connection:
        found = connection.exec_driver_sql(asked[engine.dialect.name].replace("%", "%%")).scalars().all()
    # SQLite writes a column that was added later behind the others, in their line.
    lines = [line.strip().rstrip(",") for definition in found for line in re.split(r"\n|, (?=\w+ [A-Z])", definition)]
    # Postgres writes casts and brackets otherwise once it has read an index from its own words, as from a dump.
    lines = [re.sub(r"::(?:character varying|text)(?:\[\])?|[()]", "", line) for line in lines]
    return sorted(re.sub(r"\s+", " ", line) for line in lines)


def test_checks_and_conditions_of_indexes_are_the_same_too(migrated, tmp_path, request):
    """Alembic does not compare those."""
    if migrated.engine.dialect.name == "sqlite":
        other = create_engine(f"sqlite:///{tmp_path / 'models.db'}")
        Base.metadata.create_all(other)
        found = definitions(other)
        other.dispose()
    else:
        with request.getfixturevalue("postgres").database() as url:
            other = create_engine(url)
            Base.metadata.create_all(other)
            found = definitions(other)
            other.dispose()
    assert definitions(migrated.engine) == found
    assert len(found) > 100


def test_down_to_nothing_and_up_again(migrated):
    before, definition = migrated.tables(), definitions(migrated.engine)
    migrated.manage("downgrade", "base")
    assert migrated.tables() == before - TABLES, "and every table of Airflow's is where it was"
    assert migrated.revision() is None
    assert not migrated.manage("check_migration")
    migrated.manage("upgradedb")
    assert (migrated.tables(), definitions(migrated.engine)) == (before, definition)
    assert migrated.manage("check_migration")


def test_migrating_again_changes_nothing_and_keeps_what_is_there(migrated):
    with migrated.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO edge_agent_token (id, name, created_at) "
            "VALUES ('0123456789abcdef0123456789abcdef', 't', '2026-01-01 00:00:00')"
        )
    for verb in ("initdb", "upgradedb"):
        migrated.manage(verb)
    with migrated.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM edge_agent_token").scalars().all() == ["t"]


def test_a_reset_drops_what_is_ours_and_makes_it_anew(migrated):
    before = migrated.tables()
    with Session(migrated.engine) as session, migrated.engine.begin() as connection:
        EdgeAgentDBManager(session).drop_tables(connection)
    assert migrated.tables() == before - TABLES - {VERSIONS}
    migrated.manage("initdb")
    assert migrated.tables() == before


def test_down_to_the_release_before_and_up_again_keeps_the_jobs(migrated):
    definition = definitions(migrated.engine)
    with migrated.engine.begin() as connection:
        connection.exec_driver_sql(JOB)
    migrated.manage("downgrade", "0001")
    assert migrated.revision() == "0001"
    assert "submit_key" not in str(definitions(migrated.engine))
    migrated.manage("upgradedb")
    assert definitions(migrated.engine) == definition
    with migrated.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT label, tied, read_offset, submit_key FROM edge_agent_job").one()
    assert tuple(kept) == ("kept", False, 0, None)


def test_the_statements_can_be_shown_instead_of_run(migrated, capsys):
    migrated.manage("downgrade", "base")
    migrated.manage("upgradedb", to_revision="0001", from_revision="base", show_sql_only=True)
    shown = capsys.readouterr().out
    for name in TABLES - {"edge_agent_duty"}:  # which came later
        assert f"CREATE TABLE {name} (" in shown
    assert migrated.tables() & TABLES == set()


@pytest.mark.parametrize("verb", ["initdb", "upgradedb"])
def test_mysql_is_refused_with_the_reason(verb):
    ran: list[Any] = []
    mysql: Any = create_mock_engine("mysql://", lambda statement, *_: ran.append(statement))
    with Session(mysql) as session, pytest.raises(UnsupportedDatabaseError, match="needs Postgres") as refused:
        getattr(EdgeAgentDBManager(session), verb)()
    assert "this one is 'mysql'" in str(refused.value)
    assert ran == []


def test_our_tables_stand_apart_from_airflows():
    """Airflow refuses a manager whose tables or version table are its own."""
    from airflow.utils.db_manager import RunDBManager

    ours: Any = EdgeAgentDBManager
    RunDBManager._validate(ours)  # noqa: SLF001  what `airflow db migrate` asks
