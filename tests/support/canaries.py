"""Planted secrets, and every place of a host and a server where one could be found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import MetaData, create_engine, inspect, select

SHAPES = {
    "a session token": re.compile(rb"\beas_[\w-]{16,}"),
    "a token of Airflow's": re.compile(rb"\beyJ[\w-]{8,}\.eyJ[\w-]+\.[\w-]+"),
}
"""Secrets that are made on the way, known by their form."""


@dataclass(frozen=True)
class Canaries:
    """The planted ones by name, and what is searched for."""

    planted: dict[str, str]

    def in_text(self, text: str | bytes) -> set[str]:
        """Return the names of those that stand in a text."""
        content = text.encode(errors="replace") if isinstance(text, str) else text
        found = {name for name, secret in self.planted.items() if secret.encode() in content}
        return found | {name for name, shape in SHAPES.items() if shape.search(content)}

    def in_files(self, folder: Path, *, but: Iterable[Path] = ()) -> dict[str, set[str]]:
        """Return, by file below a folder, what stands in it."""
        known = {*but}
        files = (path for path in folder.rglob("*") if path.is_file() and path not in known)
        found = {}
        for path in files:
            with suppress(FileNotFoundError):
                found[str(path)] = self.in_text(path.read_bytes())
        return {path: names for path, names in found.items() if names}

    def in_processes(self, what: str, *, but: Iterable[int] = ()) -> dict[str, set[str]]:
        """Return, by process of this machine, what stands in its ``cmdline`` or ``environ``."""
        found = {}
        for pid in processes() - {*but}:
            with suppress(OSError):
                names = self.in_text(Path(f"/proc/{pid}/{what}").read_bytes())
                if names:
                    found[f"{pid} {_command_line(pid)}"] = names
        return found

    def in_database(self, url: str) -> dict[str, set[str]]:
        """Return, by table, what stands in any of its rows, whoever's table it is."""
        return {table: names for table, text in _tables(url) if (names := self.in_text(text))}


def processes() -> set[int]:
    """Return all processes of this machine."""
    return {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}


def _command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:80]


def _tables(url: str) -> Iterator[tuple[str, str]]:
    """Return every table as one text, as a dump of the database would have it."""
    engine = create_engine(url)
    try:
        metadata = MetaData()
        for schema in inspect(engine).get_schema_names():
            if schema not in ("information_schema", "pg_catalog"):
                metadata.reflect(engine, schema=schema)
        with engine.connect() as connection:
            for table in metadata.sorted_tables:
                rows = connection.execute(select(table))
                yield table.fullname, "\n".join(str(tuple(map(_plain, row))) for row in rows)
    finally:
        engine.dispose()


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value
