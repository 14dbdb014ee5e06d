"""A socket that takes what StatsD sends, and keeps it."""

from __future__ import annotations

import socket
from threading import Thread
from typing import Self


class StatsdSocket:
    """Listens while it is entered. ``environment``: what makes Airflow send its metrics here."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = Thread(target=self._take)
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    @property
    def environment(self) -> dict[str, str]:
        """What makes Airflow send its metrics here."""
        return {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(self._socket.getsockname()[1]),
            "AIRFLOW__METRICS__STATSD_PREFIX": "airflow",
        }

    def values(self, name: str) -> list[str]:
        """Return what was said of one metric, with its kind: `3|g`."""
        return [value for line in list(self.lines) for said, _, value in [line.partition(":")] if said == name]

    def names(self) -> set[str]:
        """Return the names of all metrics that came."""
        return {line.partition(":")[0] for line in list(self.lines)}

    def _take(self) -> None:
        while said := self._socket.recv(65_536):
            self.lines += said.decode().splitlines()
