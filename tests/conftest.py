"""What every test may use: a clean environment, real databases, and the promise that nothing is left.

Fixtures for databases give a SQLAlchemy URL of a database of the test's own, migrated by Airflow's
own command: ``sqlite_url``, ``postgres_url``, and ``database_url``, which runs the test on both.
"""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support.fernet import FERNET_KEY
from tests.support.migrated import copy_sqlite, migrate, sqlite_url_of
from tests.support.postgres import Postgres
from tests.support.process import left_behind, run_folder, watch_over_children
from tests.support.together import come_together, made_once
from tests.support.units import TOGETHER, Units, unit_of

# Airflow reads its environment when it is first imported, and writes a configuration file into its
# home: both must be ours before any test module is collected.
_HOME = Path(tempfile.mkdtemp(prefix="edge-agent-tests-"))
_FOREIGN = ("AIRFLOW", "EDGE_AGENT_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
for _name in [name for name in os.environ if name.upper().startswith(_FOREIGN)]:
    del os.environ[_name]
os.environ["AIRFLOW_HOME"] = str(_HOME)
# That of the beds too: what is hashed or sealed here is known there.
os.environ["AIRFLOW__CORE__FERNET_KEY"] = FERNET_KEY
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = sqlite_url_of(_HOME / "airflow.db")

# No test judges by a clock: an example that takes its time on a busy machine is none the worse for it.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")


def pytest_configure() -> None:
    """Whatever this run starts ends with it; and nothing in this process dials out."""
    watch_over_children()
    come_together()
    sys.addaudithook(_refuse_to_dial_out)


def pytest_unconfigure() -> None:
    """Leave no file behind."""
    shutil.rmtree(_HOME, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs something by what it uses, so that nobody has to remember to; begin with what takes minutes.

    Else one process would be busy with that when the others have nothing left. What shares something dear stays
    together, also where one process runs everything.
    """
    places: dict[str, int] = {}
    for item in items:
        if "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)
        if unit_of(item.nodeid) in TOGETHER:
            item.add_marker(pytest.mark.minutes)
        places.setdefault(unit_of(item.nodeid), len(places))
    items.sort(key=lambda item: (item.get_closest_marker("minutes") is None, places[unit_of(item.nodeid)]))


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what stays to the end: Airflow and thousands of tests."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Units | None:
    """Choose how tests are shared out, where they are shared by files."""
    return Units(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """Fail the run when a process it started, directly or not, is still there at its end."""
    yield
    assert not left_behind(), "processes left behind:\n" + "\n".join(left_behind())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Give the Postgres server of this run. A test that stops or kills it starts it again."""
    with Postgres(run_folder(in_memory=True)) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the name of a migrated database, to make others from. Nobody connects to it."""

    def make(file: Path) -> None:
        with postgres.database() as url:
            migrate(url, tmp_path_factory.mktemp("migrate-postgres"))
            postgres.dump(url.rpartition("/")[2], file)

    return postgres.restore(made_once("migrated.sql", make))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of a migrated SQLite database, to copy."""
    return made_once("migrated.db", lambda file: _migrate_sqlite(file, tmp_path_factory.mktemp("migrate-sqlite")))


@pytest.fixture
def postgres_url(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    """Give the URL of a migrated Postgres database of one's own."""
    with postgres.database(postgres_template) as url:
        yield url


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Give the URL of a migrated SQLite database of one's own."""
    return copy_sqlite(sqlite_template, tmp_path / "airflow.db")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give a migrated database of one's own, of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def _migrate_sqlite(file: Path, home: Path) -> None:
    migrate(sqlite_url_of(home / "airflow.db"), home)
    with sqlite3.connect(home / "airflow.db") as source, sqlite3.connect(file) as copy:
        source.backup(copy)  # whole, whatever its journal still holds
    source.close()
    copy.close()


def _refuse_to_dial_out(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not isinstance(address := arguments[1], tuple):
        return
    host = "127.0.0.1" if address[0] == "localhost" else address[0]
    if not ip_address(host.partition("%")[0]).is_loopback:
        msg = f"a test dialled out, to {address}: tests talk to this machine only"
        raise RuntimeError(msg)
