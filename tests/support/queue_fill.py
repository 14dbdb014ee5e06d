"""A queue as it is on a busy day, made by a few statements: for what only shows when there is much of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import Engine, text

from airflow_plugin.queue.secrets import digest_of
from airflow_plugin.queue.sessions import SessionRef
from tests.support.queue_bed import HOST_KEY

SECRET = "the secret of every session here"
PLACEMENTS = 20
AGENTS = 300

_TOKEN = """
INSERT INTO edge_agent_token (id, name, created_at)
SELECT md5('t' || i)::uuid, 't' || i, now() FROM generate_series(1, 200) i
"""

_AGENTS = """
INSERT INTO edge_agent (name, token_id, state, session_id, session_hash, session_seed, session_expires_at,
    host_key, instance, previous_session_id, registered_at, last_seen_at, beat, hostname, protocol_version, queues,
    capabilities, versions, slots, free_slots)
SELECT 'a' || i, md5('t' || 1 + i % 200)::uuid, 'connected', md5('s' || i)::uuid, :hash, md5('e' || i),
    now() + interval '1 hour', :host_key, md5('i' || i)::uuid, md5('p' || i)::uuid, now(), now(), 1, 'host' || i, 1,
    '["default"]', ('{"os": "linux", "agent.name": "a' || i || '", "note": "' || repeat('x', 400) || '"}')::json, '{}',
    64, 64
FROM generate_series(0, :agents - 1) i
"""

# Of a hundred jobs 70 have ended, 20 are queued, 1 is offered and 9 run.
_JOBS = """
INSERT INTO edge_agent_job (id, kind, state, reason, queue, requires, placement, rank, slots,
    priority_weight, runner, label, payload, queued_at, queue_deadline, agent_name, session_id, assignment_id,
    offered_at, offer_expires_at, confirmed_at, ended_at, log_bytes, log_uploaded_at, workload_type, workload_id,
    dag_id, run_id, task_id, map_index, try_number, owner, notify, settled)
SELECT md5('j' || i)::uuid, 'task', state, CASE WHEN ended THEN 'exit' END, 'default', '{}',
    md5('q' || i / 100 % :placements), i, 1, 1, 'local', 'dag' || i % 50 || '.task',
    '{"p": "' || repeat('payload ', 100) || '"}',
    now() - make_interval(secs => :jobs - i),
    now() + make_interval(secs => CASE WHEN i % 5000 = 75 THEN -10 ELSE i END),
    CASE WHEN state <> 'queued' THEN 'a' || i / 100 % :agents END,
    CASE WHEN state <> 'queued' THEN md5('s' || i / 100 % :agents)::uuid END,
    CASE WHEN state <> 'queued' THEN md5('x' || i)::uuid END,
    CASE WHEN state <> 'queued' THEN now() END,
    CASE WHEN state <> 'queued' THEN
        now() + make_interval(secs => CASE WHEN i % 5000 = 95 THEN -1 ELSE 3600 END) END,
    CASE WHEN state IN ('running', 'succeeded') THEN now() END,
    CASE WHEN ended THEN now() - make_interval(mins => :jobs - i) END,
    CASE WHEN ended OR state = 'running' THEN 400 ELSE 0 END,
    CASE WHEN ended AND i % 1000 <> 3 THEN now() END,
    'ExecuteTask', md5('w' || i)::uuid, 'dag' || i % 50, 'run' || i / 500, 'task' || i % 10, -1, 1,
    (1 + i % 2)::text, ended AND i % 1000 = 3, ended AND i % 1000 <> 3
FROM (SELECT i, i % 100 < 70 AS ended, CASE WHEN i % 100 < 70 THEN 'succeeded' WHEN i % 100 < 90 THEN 'queued'
        WHEN i % 100 = 95 THEN 'offered' ELSE 'running' END AS state
    FROM generate_series(1, :jobs) i) AS these
"""

_LOGS = """
INSERT INTO edge_agent_log (assignment_id, start_offset, job_id, written_at, data)
SELECT assignment_id, chunk * 100, id, now(), decode(repeat('61', 100), 'hex')
FROM edge_agent_job, generate_series(0, 3) chunk WHERE state = 'running' OR dag_id = 'dag7'
"""

_EVENTS = """
INSERT INTO edge_agent_event (agent_name, at, kind, text)
SELECT 'a' || i % :agents, now() - make_interval(mins => 30000 - i), 'lost', repeat('It was lost. ', 5)
FROM generate_series(1, 30000) i
"""

_SAMPLES = """
INSERT INTO edge_agent_sample (agent_name, at, taken_at, state, session_id, session_seconds, silent_seconds,
    heartbeat_seconds, beat, slots, used_slots, running)
SELECT 'a' || i % :agents, date_trunc('minute', now()) - make_interval(mins => i / :agents), now(), 'connected',
    md5('s' || i % :agents)::uuid, 3600, 2, 10, 6 * (i / :agents), 64, 3, 3
FROM generate_series(0, 60000) i
"""


@dataclass(frozen=True)
class Filled:
    """What one may ask for in a filled queue."""

    jobs: int

    def job(self, number: int) -> UUID:
        """A job by its number; ``number % 100`` says its state: 0-69 ended, 70-89 queued, 95 offered, others run."""
        return _uuid("j", number)

    def assignment(self, number: int) -> UUID:
        """The assignment of a job that is not queued."""
        return _uuid("x", number)

    def workload(self, number: int) -> UUID:
        """The task instance of a job."""
        return _uuid("w", number)

    def session(self, agent: int) -> UUID:
        """The session of an agent named ``a<number>``."""
        return _uuid("s", agent)

    def ref(self, agent: int) -> SessionRef:
        """What a request of that session shows."""
        return SessionRef(self.session(agent), SecretStr(SECRET), HOST_KEY)

    def agent_of(self, number: int) -> int:
        """The number of the agent that has a job, or had it."""
        return number // 100 % AGENTS

    def placement(self, number: int) -> str:
        """One of the ``PLACEMENTS`` keys."""
        return _uuid("q", number % PLACEMENTS).hex


def fill(engine: Engine, jobs: int) -> Filled:
    """Fill the queue of a Postgres database with jobs in every state, and let the planner know."""
    numbers = {"jobs": jobs, "agents": AGENTS, "placements": PLACEMENTS, "hash": digest_of(SECRET)}
    numbers["host_key"] = HOST_KEY
    with engine.begin() as connection:
        for statement in (_TOKEN, _AGENTS, _JOBS, _LOGS, _EVENTS, _SAMPLES):
            connection.execute(text(statement), numbers)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("_token", "", "_job", "_log", "_event", "_sample"):
            connection.execute(text(f"VACUUM ANALYZE edge_agent{table}"))
    return Filled(jobs)


def _uuid(kind: str, number: int) -> UUID:
    return UUID(hashlib.md5(f"{kind}{number}".encode(), usedforsecurity=False).hexdigest())
