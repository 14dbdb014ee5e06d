"""A site that keeps its data at home, configured as the docs say, with all that crosses its border written down."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.airflow_rest import DagRun
from tests.support.documented import documented, examples, variables
from tests.support.own_site import Aws, Lineage, Repository
from tests.support.waiting import wait_until
from tests.support.wire_tap import Exchange, WireTap

STORE, SECRETS = "how-to/object-storage.md", "how-to/secrets.md"
BUNDLES, LINEAGE = "how-to/dag-bundles.md", "how-to/openlineage.md"
IN_FILES = ("large", "small", "line", "error", "unread")
"""Canaries that are in files of the host. A task reads each but the last."""


@dataclass(frozen=True)
class Visit:
    """A run, and all that crossed the border from its begin to its end. ``logs``: those that were read then."""

    run: DagRun
    exchanges: list[Exchange]
    planted: Mapping[str, str]
    logs: dict[str, str] = field(default_factory=dict)

    def crossed(self, name: str) -> list[str]:
        """Return the requests in whose course a canary crossed, in either direction."""
        return self.with_(self.planted[name])

    def with_(self, text: str) -> list[str]:
        """Return the requests in whose course a text crossed, in either direction."""
        return sorted({_told(each) for each in self.exchanges if text in each.up or text in each.down})

    def left_with(self, text: str) -> list[str]:
        """Return the requests in which a text left the site."""
        return sorted({_told(each) for each in self.exchanges if text in each.up})


class HomeSite:
    """One host and what its site has. ``planted``: the canaries by name."""

    def __init__(
        self,
        bed: AirflowBed,
        make_host: Callable[..., AgentHost],
        folder: Path,
        *,
        aws: Aws,
        lineage: Lineage,
        repository: Repository,
    ) -> None:
        names = (*IN_FILES, "variable", "password", "environment", "dag_code", "key", "managed")
        self.planted = {name: f"canary-{name}-{secrets.token_hex(8)}" for name in names}
        self._set_before: set[str] = set()
        self.bed, self.aws, self.lineage, self.folder = bed, aws, lineage, folder
        self.tap = WireTap(bed.url)
        for name in IN_FILES:
            (folder / name).write_text(self.planted[name], encoding="utf-8")
        self.host = make_host("home-1", "home", EDGE_AGENT_URL=self.tap.url, SITE_ONLY=self.planted["environment"])
        with (self.host.dags / "home.py").open("a", encoding="utf-8") as file:
            file.write(f"# {self.planted['dag_code']}\n")
        self._told = {
            "https://s3.site-a.example": aws.url,
            "https://secrets.site-a.example": aws.url,
            "https://lineage.site-a.example": lineage.url,
            "/etc/edge-agent": str(self.host.home),
            "/srv/git/dags.git": str(repository.path),
            "/var/lib/edge-agent": str(self.host.home),
            "ACCESS_KEY": "the-access-key",
            "SECRET_KEY": self.planted["key"],
            "SITE_PASSWORD": self.planted["password"],
            "SITE_VARIABLE": self.planted["variable"],
        }

    def start(self, task_logs: str, *, secrets_example: int = 0, **airflow: str) -> None:
        """Have the agent run with that setting, and with one of the secrets backends of the how-to.

        ``airflow``: variables that win over what the how-tos say.
        """
        self._write(secrets_example)
        for name in self._set_before - {*airflow}:
            del self.host.process.environment[name]
        self._set_before = {*airflow}
        self.set({"EDGE_AGENT_TASK_LOGS": task_logs, **airflow})
        self.host.restart()

    def _write(self, secrets_example: int) -> None:
        """Write what the how-tos say into the files of the host."""
        values, logs = documented(STORE)[:2]
        chosen = [values, logs, documented(SECRETS)[secrets_example], documented(BUNDLES)[0], documented(LINEAGE)[0]]
        whole = ConfigParser(interpolation=None)
        for each in chosen:
            whole.read_dict(each)
        with (self.host.home / "airflow" / "airflow.cfg").open("w", encoding="utf-8") as file:
            whole.write(file)
        (config := self.host.home / "airflow" / "airflow.cfg").write_text(self._here(config.read_text()))
        for name, text in zip(("connections", "variables"), examples(SECRETS, "yaml"), strict=True):
            (self.host.home / f"{name}.yaml").write_text(self._here(text), encoding="utf-8")
        self.set(variables(STORE)[0] | variables(SECRETS)[0])

    def set(self, told: Mapping[str, str]) -> None:
        """Set variables of the agent, for its next start."""
        self.host.process.environment |= {name: self._here(value) for name, value in told.items()}

    def run(self, dag_id: str, **params: Any) -> Visit:
        """Run a Dag of this site until it has ended and its host has said all about it."""
        before = len(self.tap.exchanges)
        self.bed.rest.wait_for_dags({dag_id})
        run = self.bed.rest.trigger(dag_id, {"folder": str(self.folder), **params})
        run.wait()
        wait_until(self.host.attempts, until=lambda left: not left, what="all is reported", timeout=60)
        return Visit(run, self.tap.exchanges[before:], self.planted)

    def _here(self, text: str) -> str:
        for told, here in self._told.items():
            text = text.replace(told, here)
        return text


def _told(each: Exchange) -> str:
    """Return a request without what is in it of one run: ``POST /execution/xcoms/{}``."""
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "{}", each.path.partition("?")[0])
    return f"{each.method} {re.sub(r'/execution/xcoms/.*', '/execution/xcoms/{}', path)}"
