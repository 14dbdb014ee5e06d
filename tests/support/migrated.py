"""Databases as `airflow db migrate` makes them: Airflow's tables and ours, made once and copied."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.process import clean_environment, program


def migrate(url: str, home: Path) -> None:
    """Run `airflow db migrate` on an empty database, with no configuration but its URL.

    :raises AssertionError: with what it wrote, when it fails.
    """
    environment = clean_environment(
        home,
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=url,
    )
    done = subprocess.run(
        [program("airflow"), "db", "migrate"],
        check=False,
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"airflow db migrate failed:\n{done.stdout}"


def sqlite_url_of(file: Path) -> str:
    """Return the SQLAlchemy URL of a SQLite file."""
    return f"sqlite:///{file}"


def copy_sqlite(template: Path, file: Path) -> str:
    """Copy a database nobody is connected to, with what its journal still holds; return the URL."""
    for part in template.parent.glob(f"{template.name}*"):
        shutil.copyfile(part, file.with_name(part.name.replace(template.name, file.name, 1)))
    return sqlite_url_of(file)
