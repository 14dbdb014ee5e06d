"""The agent's own log: a sentence for people and fixed keys for machines, and no secret in either.

Every line carries ``event`` and ``agent``, and ``job_id`` and ``assignment_id`` where it is about one.
Modules log with ``logger.info("A sentence.", extra={"event": ...})`` and know nothing of this file.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from edge_agent.protocol import one_line
from edge_agent.protocol.secrets import REDACTED, without_secrets

KEYS = ("event", "agent", "job_id", "assignment_id", "label", "session_id")
"""The keys a line may have beside its sentence, in the order they stand."""

LEAST_SECRET = 6
"""Length of the shortest text that is hidden: hiding shorter ones would hide half of everything."""


class Redactor:
    """Knows secrets, and takes them out of text."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def hide(self, secret: str) -> None:
        """Never show this text, unless it is very short."""
        if len(secret) >= LEAST_SECRET:
            self._secrets.add(secret)

    def clean(self, text: str) -> str:
        """Return the text without any secret."""
        # The longest first: one may be a part of another, which would no longer look like itself.
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return without_secrets(text)


class _Formatter(logging.Formatter):
    def __init__(self, redactor: Redactor, agent: str) -> None:
        super().__init__()
        self._redactor = redactor
        self._agent = agent

    def facts(self, record: logging.LogRecord) -> dict[str, Any]:
        record.__dict__.setdefault("agent", self._agent)
        record.__dict__.setdefault("event", "log")
        return {key: str(record.__dict__[key]) for key in KEYS if record.__dict__.get(key) is not None}

    def trace(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class ConsoleFormatter(_Formatter):
    """For people: time, level, the sentence, and then the facts as ``key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the traceback below it if there is one."""
        facts = " ".join(f"{key}={value}" for key, value in self.facts(record).items() if key != "agent")
        when = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%S")
        line = one_line(f"{when} {record.levelname:<7} {record.getMessage()}  {facts}")
        trace = self.trace(record)
        return self._redactor.clean(f"{line}\n{trace}" if trace else line)


class JsonFormatter(_Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            **self.facts(record),
        }
        if trace := self.trace(record):
            line["traceback"] = trace
        # Before it is escaped, or a secret with a quote in it would no longer look like itself.
        return json.dumps({key: self._redactor.clean(value) for key, value in line.items()}, ensure_ascii=False)


@contextmanager
def logging_to(
    stream: TextIO | None = None,
    *,
    agent: str,
    level: Literal["debug", "info", "warning", "error"] = "info",
    form: Literal["console", "json"] = "console",
) -> Iterator[Redactor]:
    """Send the log of this process to a stream (standard error); hand out the redactor to tell it secrets."""
    redactor = Redactor()
    kind = JsonFormatter if form == "json" else ConsoleFormatter
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(kind(redactor, agent))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        yield redactor
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
