"""The Postgres of a test run."""

from __future__ import annotations

import psycopg2
import pytest
from sqlalchemy import create_engine, inspect, text


def test_databases_of_two_tests_do_not_see_each_other(postgres):
    with postgres.database() as one, postgres.database() as other:
        for url in (one, other):
            engine = create_engine(url)
            with engine.begin() as connection:
                connection.execute(text("CREATE TABLE mine (id int)"))
            engine.dispose()


def test_a_database_is_dropped_whoever_is_connected_to_it(postgres):
    with postgres.database() as url:
        engine = create_engine(url)
        connection = engine.connect()
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        psycopg2.connect(url.replace("postgresql+psycopg2", "postgresql"))
    connection.invalidate()
    connection.close()
    engine.dispose()


def test_a_killed_server_comes_back_with_its_data(postgres):
    with postgres.database() as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE kept (id int)"))
        engine.dispose()
        postgres.kill()
        postgres.start()
        assert inspect(engine).get_table_names() == ["kept"]
        engine.dispose()


@pytest.mark.airflow
def test_each_test_gets_a_database_that_airflow_has_migrated(database_url):
    engine = create_engine(database_url)
    names = {*inspect(engine).get_table_names()}
    engine.dispose()
    assert {"task_instance", "edge_agent", "edge_agent_job"} <= names
