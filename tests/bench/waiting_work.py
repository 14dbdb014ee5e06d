"""Jobs in any number, as Airflow makes them: one real task is queued where nobody serves, then copied.

The rows of task instance and job are kept as patterns, so that every measurement begins with as many of
them as it wants, in the state it wants.
"""

from __future__ import annotations

from tests.bench.dags import NOBODY
from tests.bench.systems import System
from tests.support.waiting import wait_until

TABLE = {"edge3": "edge_job", "edge agent": "edge_agent_job"}
_INSTANCE = (
    "(SELECT id FROM task_instance AS copied WHERE copied.dag_id = pattern.dag_id "
    "AND copied.run_id = pattern.run_id AND copied.map_index = copy)"
)


def keep_pattern(system: System) -> None:
    """Let the scheduler queue one task for nobody, and take its rows as patterns out of the tables."""
    run = system.bed.rest.trigger(f"single_{NOBODY}")
    table = TABLE[system.name]
    wait_until(
        lambda: system.database.value(f"SELECT count(*) FROM {table} WHERE queue = '{NOBODY}'"),  # noqa: S608  our words
        what=f"a job waits in {table}",
        timeout=60,
    )
    run.wait_for_task("nothing", "queued")
    system.bed.stop("scheduler")
    for each in ("task_instance", table):
        system.database.keep(each, f"run_id = '{run.run_id}'")
    _empty(system)


def fill_queued(system: System, count: int) -> None:
    """Make so many jobs wait, each with a task instance of its own."""
    _empty(system)
    system.database.multiply("task_instance", count, {"id": "gen_random_uuid()", "map_index": "copy"})
    changed = {"map_index": "copy", "id": "gen_random_uuid()", "workload_id": _INSTANCE}
    system.database.multiply(TABLE[system.name], count, changed)


def fill_running(system: System, count: int, *, age_seconds: float = 0) -> None:
    """Make so many jobs run since then, each with a task instance of its own that runs as well."""
    _empty(system)
    since = f"now() - interval '{age_seconds} seconds'"
    instance = {"id": "gen_random_uuid()", "map_index": "copy", "state": "'running'", "start_date": since}
    system.database.multiply("task_instance", count, instance)
    changed = {
        "map_index": "copy",
        "id": "gen_random_uuid()",
        "workload_id": _INSTANCE,
        "state": "'running'",
        "last_update": since,
        "edge_worker": "'bench'",
        "agent_name": "'bench'",
        "session_id": "gen_random_uuid()",
        "assignment_id": "gen_random_uuid()",
        "confirmed_at": since,
    }
    system.database.multiply(TABLE[system.name], count, changed)


def _empty(system: System) -> None:
    # Not DELETE: the reaper of a running api-server locks single rows in another order.
    system.database.run(f"TRUNCATE {TABLE[system.name]} CASCADE")
    system.database.run("DELETE FROM task_instance WHERE map_index > 0 AND task_id = 'nothing'")
