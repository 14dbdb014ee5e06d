"""``airflow edge-agent db downgrade``: the way back for our tables."""

from __future__ import annotations

import pytest
from sqlalchemy import column, select, table

from airflow_plugin.compat import create_session
from airflow_plugin.db import RELEASES, EdgeAgentDBManager
from tests.integration.airflow.conftest import Run
from tests.support.releases import previous


def revision() -> str:
    versions = table(EdgeAgentDBManager.version_table_name, column("version_num"))
    with create_session(scoped=False) as session:
        found: str = session.scalars(select(versions.c.version_num)).one()
    return found


def test_the_tables_go_back_to_those_of_the_release_before(run: Run):
    version = previous().version
    assert f"those of revision {RELEASES[version]}" in run("db", "downgrade", version, "--yes")
    assert revision() == RELEASES[version]


def test_it_is_done_only_when_somebody_is_sure(refused: Run, monkeypatch: pytest.MonkeyPatch):
    before = revision()
    asked: list[str] = []

    def no(question: str) -> str:
        asked.append(question)
        return "n"

    monkeypatch.setattr("builtins.input", no)
    assert refused("db", "downgrade", "0001") == "nothing was changed"
    assert "Stop schedulers and API servers first; what only a newer release keeps in them is lost." in asked[0]
    assert revision() == before


def test_the_statements_can_be_read_first(run: Run):
    before = revision()
    assert "ALTER TABLE edge_agent_job DROP COLUMN submit_key" in run("db", "downgrade", "0001", "--show-sql-only")
    assert revision() == before


def test_a_release_that_is_none_is_refused_with_those_there_are(refused: Run):
    said = refused("db", "downgrade", "0.0.9")
    assert said.startswith("'0.0.9' is no release or revision to go back to, only 0.1.0, 0001, 0002")
