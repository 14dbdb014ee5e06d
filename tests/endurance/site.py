"""The site of a long proof: Postgres, an Airflow with its own defaults, and one host with an agent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_agent.state_dir import StateDir
from edge_agent.tmux_server import TmuxServer
from tests.endurance.work import Started, Work
from tests.support.agent_host import AgentHost, leave
from tests.support.airflow_bed import AirflowBed
from tests.support.ledger import read
from tests.support.migrated import migrate
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until

DAGS = Path(__file__).parent / "dags"
QUEUE = "endurance"


@dataclass(frozen=True)
class Site:
    """What runs. Tasks keep their ledger in ``home``."""

    home: Path
    bed: AirflowBed
    host: AgentHost

    def begin(self, work: Work) -> Started:
        """Let a task begin."""
        params = {"folder": str(self.home), **work.params()}
        return Started(work, self.bed.rest.trigger(f"endurance_{work.runner}", params))

    def starts(self, work: Work) -> int:
        """Return how many processes of a task have written that they start."""
        return self._written("start", work)

    def ends(self, work: Work) -> int:
        """Return how many have written that they end."""
        return self._written("end", work)

    def sessions(self) -> list[str]:
        """Return the sessions of the host's own tmux server."""
        server = TmuxServer(StateDir(self.host.state).tmux)
        return server.names() if server.runs() else []

    def count(self, event: str) -> int:
        """Return how many lines of the agent's log tell of an event."""
        return len(re.findall(rf"event={event}\b", self.host.output()))

    def wait_registered(self, more_than: int) -> None:
        """Wait until the agent has registered more often than that."""
        wait_until(lambda: self.count("registered") > more_than, what="the agent registers", timeout=60)

    def audit(self, started: Sequence[Started]) -> list[str]:
        """Stop the agent once all has ended; return what must not be, in words."""
        complaints = []
        for each in started:
            seen = each.seen(self.starts(each.work), self.ends(each.work))
            complaints += seen.complaints(each.work)
        complaints += [f"left: tmux session {name}" for name in self.sessions()]
        complaints += leave([self.host])
        jobs = json.loads(self.bed.airflow("edge-agent", "jobs", "list", "--output", "json"))
        complaints += [f"a job is {job['state']}" for job in jobs if not job["state"].startswith("succeeded")]
        if len(jobs) != (starts := sum(each.work.starts for each in started)):
            complaints.append(f"there were {len(jobs)} jobs, not {starts}")
        return complaints

    def _written(self, event: str, work: Work) -> int:
        return sum((entry.event, entry.what) == (event, work.name) for entry in read(self.home / "ledger"))


@contextmanager
def site(home: Path, *, airflow: Mapping[str, str], agent: Mapping[str, str]) -> Iterator[Site]:
    """Give a site that is up, and end all of it. ``airflow``, ``agent``: the settings that are not defaults."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        url = stack.enter_context(postgres.database())
        migrate(url, home)
        bed = stack.enter_context(AirflowBed(home / "airflow", url, dags=DAGS, settings=airflow, pace={}))
        bed.rest.wait_for_dags({"endurance_local", "endurance_tmux"})
        token = bed.create_token("host-1", [QUEUE])
        place = home / "host-1"
        host = AgentHost(
            place, url=bed.url, name="host-1", token=token, queues=[QUEUE], slots=8, dags=DAGS, settings=agent
        )
        made = Site(home, bed, stack.enter_context(host))
        made.wait_registered(0)
        yield made
