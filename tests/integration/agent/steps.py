"""What the tests of the agent do again and again."""

from __future__ import annotations

from pathlib import Path

from edge_agent.protocol import Ending, JobState
from tests.support.agent_host import AgentHost
from tests.support.fake_queue import FakeQueue, Fault, Job
from tests.support.waiting import wait_until


def ended(job: Job, timeout: float = 20) -> Ending:
    """Wait until an agent has reported the end of a job, and return that."""
    what = f"{job.label} is reported"
    wait_until(lambda: (job.state, job.ending), until=lambda both: both[1], what=what, timeout=timeout)
    assert job.ending is not None
    return job.ending


def running(job: Job, *, until: bytes = b"", timeout: float = 20) -> Job:
    """Wait until a job runs and its log holds some bytes."""
    what = f"{job.label} runs and says {until!r}"
    wait_until(
        lambda: (job.state, bytes(job.log[-100:])),
        until=lambda both: both[0] is JobState.RUNNING and until in both[1],
        what=what,
        timeout=timeout,
    )
    return job


def until_exists(gate: Path) -> str:
    """Return a shell command that ends when a file is there."""
    return f"until [ -e {gate} ]; do sleep 0.05; done"


def met(fault: Fault, times: int = 1, timeout: float = 20) -> Fault:
    """Wait until a fault has happened that often."""
    what = f"the fault {fault.kind} of {fault.verb} happens"
    wait_until(lambda: fault.met, until=lambda seen: seen >= times, what=what, timeout=timeout)
    return fault


def registered(queue: FakeQueue, times: int = 1, timeout: float = 20) -> None:
    """Wait until an agent has registered that often."""
    what = f"the agent registers {times} times"
    wait_until(lambda: len(queue.registrations), until=lambda seen: seen >= times, what=what, timeout=timeout)


def forgotten(host: AgentHost) -> None:
    """Wait until no attempt directory is left."""
    wait_until(lambda: attempts(host), until=lambda left: not left, what="all attempts are removed")


def attempts(host: AgentHost) -> list[Path]:
    """Return the attempt directories of a host."""
    return sorted((host.state / "attempts").iterdir())
