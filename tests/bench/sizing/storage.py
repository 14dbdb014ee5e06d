"""What jobs and their logs take of the database, indexes included, and what agents do."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass
from uuid import UUID

from airflow_plugin.queue import logs
from edge_agent.protocol import JobKind
from tests.bench.database import Database
from tests.support.postgres import Postgres
from tests.support.queue_bed import Agent, QueueBed
from tests.support.queue_database import QueueDatabase

JOBS = 2_000
BATCH = 64
CHUNK_BYTES = 262_144
CHUNKS = 64
PAYLOAD = {"command": "sh /home/etl/run.sh 2026-11-22 --region eu --full", "env": {"REGION": "eu"}, "cwd": "/home/etl"}
LINE = (
    '{{"timestamp":"2026-11-22T10:{:02d}:{:02d}.{:06d}Z","level":"info",'
    '"event":"row {} of 48213 is loaded","logger":"task.stdout"}}\n'
)


@dataclass(frozen=True)
class Storage:
    """Bytes of the database: for a job that has ended, and for each byte of log, of lines and of noise."""

    job_bytes: float
    text_ratio: float
    noise_ratio: float


def measure_storage(postgres: Postgres) -> Storage:
    """Fill the tables of a queue that nobody else uses, through the queue's own verbs. No server judges its agent."""
    name = postgres.create()
    database = Database(postgres, name)
    queue = QueueDatabase(postgres.url(name))
    queue.create_tables()
    bed = QueueBed(queue)
    agent = bed.register("storage", kinds=(JobKind.COMMAND,), queues=("storage",), slots=JOBS + 8)
    before = _size(database, "edge_agent_job")
    ids = _end_jobs(bed, agent)
    job_bytes = (_size(database, "edge_agent_job") - before) / JOBS
    numbers = random.Random(1)
    text = "".join(
        LINE.format(i // 60 % 60, i % 60, numbers.randrange(10**6), i) for i in range(2 * CHUNK_BYTES // 100)
    )
    noise = base64.b64encode(numbers.randbytes(CHUNK_BYTES))
    measured = Storage(
        job_bytes,
        _log_ratio(bed, database, ids[0], text.encode()[:CHUNK_BYTES]),
        _log_ratio(bed, database, ids[1], noise[:CHUNK_BYTES]),
    )
    database.close()
    queue.engine.dispose()
    return measured


def _end_jobs(bed: QueueBed, agent: Agent) -> list[UUID]:
    """Bring so many commands to their end; return their assignments."""
    ended: list[UUID] = []
    while len(ended) < JOBS:
        for _ in range(BATCH):
            bed.submit(queue="storage", owner=None, label="nightly.load", payload=PAYLOAD)
        ids = [offer.assignment_id for offer in bed.offer(agent)]
        assert ids, "the agent is offered nothing any more"
        bed.confirm(agent, *ids)
        bed.report(agent, *ids)
        ended += ids
    return ended


def _log_ratio(bed: QueueBed, database: Database, assignment: UUID, chunk: bytes) -> float:
    before = _size(database, "edge_agent_log")
    with bed.database.transaction() as session:
        for number in range(CHUNKS):
            offset = number * len(chunk)
            logs.append(session, agent="storage", assignment_id=assignment, offset=offset, data=chunk, limit=2**40)
    return (_size(database, "edge_agent_log") - before) / (CHUNKS * len(chunk))


def _size(database: Database, table: str) -> int:
    """Return the bytes of a table with its indexes and what is stored beside it, dead rows swept."""
    database.run(f"VACUUM {table}")
    size: int = database.value("SELECT pg_total_relation_size(%s)", table)
    return size
