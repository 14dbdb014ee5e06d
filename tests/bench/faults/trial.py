"""One fault on one system: the hosts of a queue, the runs on it, and what is seen of them all the time.

Everything happens on one event loop. Whoever waits, looks: what Airflow's database says of task, job and host
is kept whenever it differs from the time before, and hosts that ended are started again as a service
manager would.
"""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.faults.sides import Side
from tests.bench.faults.story import Change, Story
from tests.bench.faults.work import LINE_SECONDS, TASK_ID, Entry, Load, read_ledger
from tests.support.airflow_rest import ENDED, DagRun
from tests.support.process import Process
from tests.support.waiting import wait_until_async

LOOK_SECONDS = 0.5
RESTART_SECONDS = 5.0
"""How long a service manager waits before it starts again what has ended; our unit says so, too."""
STARTED_WITHIN = 300.0
"""Seconds for a host or a task, on a machine that does other things too."""
LINES_BEFORE = 20
"""So many lines has a task written when a fault meets it."""
LOG_SECONDS = 15.0
"""How long after the end of a run its log is read."""
MARK = re.compile(r"\bmark (\d+)$", re.MULTILINE)
_TASK = "SELECT state || ', try ' || try_number FROM task_instance WHERE run_id = %s AND dag_id = %s"


@dataclass
class Work:
    """One run, and where its ledger is."""

    load: Load
    run: DagRun
    ledger: Path
    changes: list[Change] = field(default_factory=list)

    def entries(self) -> list[Entry]:
        """Return what it wrote so far."""
        return read_ledger(self.ledger)

    def is_over(self) -> bool:
        """Whether it has ended for Airflow, and no process of it is left."""
        states = [change.value for change in self.changes if change.subject == "task"]
        if not states or states[-1].partition(",")[0] not in ENDED:
            return False
        entries = self.entries()
        ended = {entry.pid for entry in entries if entry.event == "end"}
        return not any(Path(f"/proc/{entry.pid}").exists() for entry in entries if entry.pid not in ended)


class Trial:
    """The hosts and runs of one fault. ``say`` is told of each change."""

    def __init__(self, side: Side, queue: str, say: Callable[[str], None]) -> None:
        self.side = side
        self.queue = queue
        self.struck_at = 0.0
        self.hosts: dict[str, Process] = {}
        self.victim = ""
        """The host whose state is kept: the first one, until somebody says otherwise."""
        self.dead: set[str] = set()
        """Hosts that are not started again."""
        self.works: list[Work] = []
        self.fresh: Work | None = None
        self.next_may_begin = asyncio.Event()
        """Set when another trial on the same system would not be disturbed."""
        self.shared: list[Change] = []
        """What was seen of hosts and API server: it concerns every run."""
        self._say = lambda what: say(f"{side.name}, {queue}: {what}")
        self._seen: dict[tuple[str, str], str | None] = {}
        self._ended: dict[str, float] = {}

    def host_of(self, work: Work) -> str:
        """Return the host on which a run's task began last."""
        pid = work.entries()[-1].pid
        return next(name for name, process in self.hosts.items() if pid in process.family())

    async def add_host(self, name: str, *, url: str | None = None) -> Process:
        """Start a host and wait until its worker or agent has registered."""
        process = self.hosts[name] = self.side.host(name, self.queue, url or self.side.system.bed.url)
        self.victim = self.victim or name
        process.start()

        def registered() -> bool:
            process.must_run()
            return self.side.system.database.value(self.side.host_state, name) in ("idle", "running", "connected")

        await self.until(registered, f"{name} has registered", timeout=STARTED_WITHIN)
        return process

    def begin(self, *loads: Load) -> None:
        """Start the runs that the fault is to meet."""
        self.works += [self._trigger(load, f"{number}") for number, load in enumerate(loads)]

    def ask_for_more(self) -> None:
        """Queue another task, which does nothing, to see when the host begins it."""
        self.fresh = self._trigger(Load(0), "fresh")

    async def under_way(self) -> None:
        """Wait until every run has written some lines."""
        await self.until(
            lambda: all(len(work.entries()) > LINES_BEFORE for work in self.works),
            "the work is under way",
            timeout=STARTED_WITHIN,
        )

    def claimed_at(self) -> float | None:
        """Return when the first work's job was given to a host that has not answered yet, if it is so."""
        return self.side.system.database.value(self.side.claimed_at, self.works[0].run.run_id)

    def strike(self, at: float | None = None) -> None:
        """The fault is now, or was at that time."""
        self.struck_at = at or time.time()
        self._say("the fault")

    def power_off(self, name: str) -> None:
        """SIGKILL everything on a host, the worker or agent first: it must not live to report how its tasks go."""
        self.hosts[name].send(signal.SIGSTOP)
        self.hosts[name].kill_family()

    def tell(self, subject: str, value: str) -> None:
        """Keep something that was done or seen and concerns every run."""
        self.shared.append(Change(time.time(), subject, value))
        self._say(f"{subject} {value}")

    async def until(self, condition: Callable[[], object], what: str, timeout: float) -> None:
        """Wait for a condition, and look at everything meanwhile."""

        def turn() -> object:
            self.look()
            return condition()

        await wait_until_async(turn, what=f"{self.side.name}: {what}", timeout=timeout, interval=LOOK_SECONDS)

    async def ended(self, timeout: float) -> None:
        """Wait until all is over: for Airflow, on the hosts, and for logs that may be on their way yet."""
        await self.until(lambda: all(work.is_over() for work in self.works), "the runs end", timeout)
        if self.fresh is not None:
            await self.until(self.fresh.entries, "the host begins another task", timeout)
        await self.pause(LOG_SECONDS)

    async def pause(self, seconds: float) -> None:
        """Let time pass, and look meanwhile."""
        over = time.monotonic() + seconds
        await self.until(lambda: time.monotonic() >= over, f"{seconds:g} s", timeout=seconds + 30)

    def look(self) -> None:
        """Keep what has changed, and start again what has ended and is to be kept up."""
        value = self.side.system.database.value
        for number, work in enumerate(self.works):
            keys = (work.run.run_id, work.run.dag_id)
            self._note(work.changes, f"task{number}", "task", value(_TASK, *keys), work.load.what)
            self._note(work.changes, f"job{number}", "job", value(self.side.job_state, keys[0]), work.load.what)
        for name, process in self.hosts.items():
            if name == self.victim:
                self._note(self.shared, name, "host", value(self.side.host_state, name), "")
            self._keep_up(name, process)

    def stories(self, fault: str) -> list[Story]:
        """Return what became of each run."""
        return [self._story(fault, work) for work in self.works]

    def end(self) -> None:
        """Pull the plug of every host."""
        for process in self.hosts.values():
            process.kill_family()

    def _trigger(self, load: Load, name: str) -> Work:
        ledger = self.side.home / f"{self.queue}-{name}.ledger"
        conf = {"ledger": str(ledger), "lines": int(load.seconds / LINE_SECONDS)}
        run = self.side.system.bed.rest.trigger(f"{load.kind}_{self.queue}", conf)
        return Work(load, run, ledger)

    def _story(self, fault: str, work: Work) -> Story:
        task = work.run.task(TASK_ID)
        logs = [work.run.log(TASK_ID, number + 1) for number in range(task["try_number"])]
        starts = [entry.at for entry in self.fresh.entries() if entry.event == "start"] if self.fresh else []
        return Story(
            fault=fault,
            what=work.load.what,
            system=self.side.name,
            struck_at=self.struck_at,
            ledger=work.entries(),
            state=task["state"],
            tries=task["try_number"],
            delivered=sum(len(set(MARK.findall(log))) for log in logs),
            fresh_at=starts[0] if starts else None,
            changes=sorted([*work.changes, *self.shared], key=lambda change: change.at),
        )

    def _note(self, into: list[Change], key: str, subject: str, value: str | None, whose: str) -> None:
        if value is not None and self._seen.get((key, subject)) != value:
            self._seen[key, subject] = value
            into.append(Change(time.time(), subject, value))
            self._say(f"{subject} {value}{f' ({whose})' if whose else ''}")

    def _keep_up(self, name: str, process: Process) -> None:
        """Start a worker or agent again some time after it has ended.

        :raises AssertionError: when it has ended before the fault: what it met then is not this fault.
        """
        if process.is_running or name in self.dead:
            return
        if not self.struck_at:
            process.must_run()
        if name not in self._ended:
            self._ended[name] = time.monotonic()
            self.tell("worker", f"has ended with {process.returncode}")
        elif time.monotonic() - self._ended[name] >= RESTART_SECONDS:
            del self._ended[name]
            self.tell("worker", "is started")
            process.start()
