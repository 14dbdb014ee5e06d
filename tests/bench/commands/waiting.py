"""What it costs Airflow to wait for many commands at once."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx

from tests.bench.commands.connections import held_to
from tests.bench.commands.dags import TASK_ID
from tests.bench.commands.figures import Row, Section
from tests.bench.commands.held import held
from tests.bench.commands.sides import NOBODY, Family, Side
from tests.bench.commands.stage import Stage
from tests.bench.machine import cpu_seconds, memory, tree
from tests.bench.pauses import let_pass
from tests.support.waiting import NeverHappenedError, wait_until

METHOD = """\
{waiting} commands that do not end, watched for {window:g} s after {settle:g} s of rest, side after side, each with a
triggerer that was just started and waits for nothing else; given for a minute. One task of each side is deferred by
its operator; its rows of task instance and trigger are then copied {waiting} times, so that the triggers are Airflow's
and the operators' own. The copies of ssh poll one sleeping remote job, each over its own connection. Those of ours
have a command each, tied to its task instance. The scheduler is stopped. CPU is from the processes' clocks; what
sshd runs for a poll counts on the host. Requests are the sessions that sshd opens, and the lines of the API server's
access log for commands. Triggers are given {connected:g} s to connect, and measured as they are then: a poll of ssh
that does not come through begins anew. BashOperator has no trigger: each such command holds a worker."""
REQUEST = re.compile(r"\b(?:GET|POST)\b[^\n]*/edge_agent/[^\n]*/commands\b")
BEFORE_SECONDS = 5.0
"""A triggerer that was just started has done its imports by then."""
LIMIT = 180.0
CONNECTED_WITHIN = 120.0
MB = 2**20
_COLUMNS = (
    "SELECT column_name FROM information_schema.columns WHERE table_name = 'task_instance' "
    "AND is_generated = 'NEVER' ORDER BY ordinal_position"
)


@dataclass(frozen=True)
class Load:
    """What was used so far, or in a minute: CPU seconds, and requests."""

    triggerer: float
    server: float
    host: float
    requests: float

    def each_minute(self, before: Load, seconds: float) -> Load:
        """Return what came to it in a minute, from what there was so many seconds before."""
        names = ("triggerer", "server", "host", "requests")
        return Load(*((getattr(self, name) - getattr(before, name)) * 60 / seconds for name in names))


def measure_waiting(stage: Stage) -> Section:
    """Let the triggerer wait for many commands, one side after the other."""
    plan = stage.plan
    method = METHOD.format(
        waiting=plan.waiting, window=plan.window_seconds, settle=plan.settle_seconds, connected=CONNECTED_WITHIN
    )
    section = Section("waiting", f"{plan.waiting} commands that are waited for", method)
    sides = [side for side in stage.sides if side.defers]
    for side in sides:
        _keep_pattern(stage, side)
    stage.bed.stop("scheduler")
    loads: dict[str, Load] = {}
    growth: dict[str, float] = {}
    connections: dict[str, float] = {}
    for side in sides:
        stage.bed.stop("triggerer")
        _remove_copies(stage)
        stage.bed.start("triggerer")
        let_pass(BEFORE_SECONDS)
        before = memory(_triggerer(stage)).rss
        _wait_for_many(stage, side)
        loads[side.key] = _watch(stage, side)
        growth[side.key] = (memory(_triggerer(stage)).rss - before) / MB
        connections[side.key] = _connections(stage, side)
        used = loads[side.key].triggerer
        stage.say(f"{plan.waiting} waited for, {side.name}: {used:.1f} CPU s of the triggerer in a minute")
    stage.bed.stop("triggerer")
    _remove_copies(stage)
    section.rows = [
        Row("waiting_cpu", "CPU of the triggerer", "s/min", {key: load.triggerer for key, load in loads.items()}),
        Row("waiting_server", "CPU of the API server", "s/min", {key: load.server for key, load in loads.items()}),
        Row("waiting_host", "CPU on the host", "s/min", {key: load.host for key, load in loads.items()}),
        Row("waiting_connections", "connections held", "", connections),
        Row("waiting_requests", "requests", "1/min", {key: load.requests for key, load in loads.items()}),
        Row("waiting_memory", "growth of the triggerer's RSS", "MB", growth),
    ]
    section.samples = {key: [load.triggerer] for key, load in loads.items()}
    return section


def _keep_pattern(stage: Stage, side: Side) -> None:
    """Let the operator defer one task, and keep copies of the two rows that it has then."""
    with held(stage, side) as command:
        run = command.run.dag_run
        where = "dag_id = %s AND run_id = %s"
        keys = (run.dag_id, run.run_id)
        stage.database.run(
            f"CREATE TABLE bench_task_{side.key} AS SELECT * FROM task_instance WHERE {where}",  # noqa: S608  our words
            *keys,
        )
        stage.database.run(
            f"CREATE TABLE bench_trigger_{side.key} AS SELECT * FROM trigger "  # noqa: S608  our own words
            f"WHERE id = (SELECT trigger_id FROM bench_task_{side.key})"
        )
        if side.family is Family.OURS:
            (job,) = run.xcom(TASK_ID, "edge_agent_jobs")
            stage.database.run(f"ALTER TABLE bench_trigger_{side.key} ADD COLUMN job text")
            stage.database.run(f"UPDATE bench_trigger_{side.key} SET job = %s", job)  # noqa: S608  our own words


def _wait_for_many(stage: Stage, side: Side) -> None:
    """Copy the pattern, and wait until the triggerer has all copies."""
    copies = [uuid4() for _ in range(stage.plan.waiting)]
    _copy_tasks(stage, side, copies)
    jobs = _submit(stage, side, copies) if side.family is Family.OURS else [""] * len(copies)
    _copy_triggers(stage, side, jobs)
    wait_until(
        lambda: _begun(stage, side),
        until=lambda begun: begun >= len(copies),
        what="the triggerer has begun all triggers",
        timeout=LIMIT,
        interval=0.5,
    )
    # Each trigger of ssh has a connection of its own, those of ours watch together.
    most = len(copies) if side.family is Family.SSH else 1
    # That ssh does not get all of them is a finding of its own: the row of connections shows it.
    with suppress(*[NeverHappenedError] if side.family is Family.SSH else []):
        wait_until(
            lambda: _connections(stage, side),
            until=lambda held: held >= most,
            what="the triggers are connected",
            timeout=CONNECTED_WITHIN,
            interval=0.5,
        )
    let_pass(stage.plan.settle_seconds)


def _copy_tasks(stage: Stage, side: Side, copies: list[UUID]) -> None:
    changed = {"id": "copy.id", "map_index": "copy.number", "trigger_id": "NULL", "state": "'deferred'"}
    columns = [row["column_name"] for row in stage.database.rows(_COLUMNS)]
    values = ", ".join(changed.get(column, f'pattern."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    stage.database.run(
        f"INSERT INTO task_instance ({names}) SELECT {values} FROM bench_task_{side.key} AS pattern, "  # noqa: S608  ours
        "unnest(%s::uuid[]) WITH ORDINALITY AS copy (id, number)",
        [str(each) for each in copies],
    )


def _copy_triggers(stage: Stage, side: Side, jobs: list[str]) -> None:
    """Give each copied task a trigger, in one statement: a trigger without a task is swept away.

    A trigger of ours names its command in its arguments: there the pattern's command is replaced.
    """
    theirs = "replace(pattern.kwargs, pattern.job, copy.job)" if side.family is Family.OURS else "pattern.kwargs"
    stage.database.run(
        "WITH made AS (INSERT INTO trigger (id, classpath, kwargs, created_date, queue) "  # noqa: S608  our own words
        f"SELECT pattern.id + copy.number, pattern.classpath, {theirs}, now(), pattern.queue "
        f"FROM bench_trigger_{side.key} AS pattern, unnest(%s::text[]) WITH ORDINALITY AS copy (job, number) "
        "RETURNING id) UPDATE task_instance SET trigger_id = made.id FROM made "
        f"WHERE map_index > 0 AND made.id = map_index + (SELECT id FROM bench_trigger_{side.key})",
        jobs,
    )


def _submit(stage: Stage, side: Side, copies: list[UUID]) -> list[str]:
    """Submit a command for each copied task, to a queue that nobody serves; return their ids."""
    (task,) = stage.database.rows(f"SELECT dag_id, run_id, task_id, try_number FROM bench_task_{side.key}")  # noqa: S608  ours
    jobs = []
    headers = {"Authorization": f"Bearer {stage.submit_token}"}
    with httpx.Client(base_url=stage.bed.url, headers=headers, timeout=30, trust_env=False) as client:
        for number, copy in enumerate(copies, start=1):
            tie = task | {"id": str(copy), "map_index": number}
            answer = client.post("/edge_agent/v1/commands", json={"command": "sleep 3600", "queue": NOBODY, "tie": tie})
            assert answer.is_success, f"submit: {answer.status_code} {answer.text}"
            jobs.append(answer.json()["command"]["id"])
    return jobs


def _watch(stage: Stage, side: Side) -> Load:
    """Return what is used in a minute."""
    before = _used(stage, side)
    let_pass(stage.plan.window_seconds, "the window")
    return _used(stage, side).each_minute(before, stage.plan.window_seconds)


def _used(stage: Stage, side: Side) -> Load:
    server = stage.bed.parts["api-server"].process
    if side.family is Family.SSH:
        host, requests = stage.sshd.process.pid, stage.sshd.sessions()
    else:
        host, requests = stage.host.process.pid, len(REQUEST.findall(server.output()))
    return Load(cpu_seconds(_triggerer(stage)), cpu_seconds(server.pid), cpu_seconds(host), requests)


def _connections(stage: Stage, side: Side) -> int:
    port = stage.sshd.port if side.family is Family.SSH else stage.bed.port
    return held_to(port, tree(_triggerer(stage)))


def _begun(stage: Stage, side: Side) -> int:
    """Return how many triggers of copied tasks have begun: each has a log file from then on."""
    logs = stage.bed.home / "logs" / f"dag_id=held_{side.key}"
    return sum(1 for _ in logs.glob("*/*/map_index=*/*.trigger.*"))


def _triggerer(stage: Stage) -> int:
    return stage.bed.parts["triggerer"].process.pid


def _remove_copies(stage: Stage) -> None:
    stage.database.run("DELETE FROM task_instance WHERE map_index > 0 AND state = 'deferred'")
    stage.database.run("DELETE FROM trigger")
