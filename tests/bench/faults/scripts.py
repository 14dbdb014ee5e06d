"""The faults: what each does to the hosts or the API server of one system."""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from tests.bench.faults.trial import RESTART_SECONDS, STARTED_WITHIN, Trial
from tests.bench.faults.work import Load
from tests.support.fault_proxy import FaultProxy

OUTAGE_SECONDS = 180.0


@dataclass(frozen=True)
class Fault:
    """One fault. ``title`` stands in the table, ``method`` says how it is made.

    ``disturbs``: whether nothing else can be measured on the same system before a point of the script; of
    others it can once their host is there.
    """

    key: str
    title: str
    method: str
    loads: tuple[Load, ...]
    script: Callable[[Trial, Fault], Awaitable[None]]
    disturbs: bool = False


async def warm_up(trial: Trial) -> None:
    """Run one task: an API server takes its time for the very first, and answers nobody else meanwhile."""
    await trial.add_host(f"{trial.queue}-1")
    trial.begin(Load(0))
    await trial.until(trial.works[0].is_over, "the first task ends", timeout=STARTED_WITHIN)
    trial.end()


async def _begin(trial: Trial, fault: Fault) -> str:
    """Start a host and the works, and wait until these are under way; return the host's name."""
    name = f"{fault.key}-1"
    await trial.add_host(name)
    if not fault.disturbs:
        trial.next_may_begin.set()
    trial.begin(*fault.loads)
    await trial.under_way()
    return name


async def _api_server_away(trial: Trial, fault: Fault) -> None:
    bed = trial.side.system.bed
    await _begin(trial, fault)
    trial.strike()
    bed.kill("api-server")
    trial.tell("api-server", "killed")
    await trial.pause(OUTAGE_SECONDS)
    bed.launch("api-server")
    await trial.until(lambda: _answers(bed.url), "the API server answers", timeout=STARTED_WITHIN)
    trial.tell("api-server", "answers")
    trial.ask_for_more()
    trial.next_may_begin.set()
    await trial.ended(timeout=1200)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v2/version", trust_env=False).is_success
    except httpx.TransportError:
        return False


async def _answer_lost(trial: Trial, fault: Fault) -> None:
    side = trial.side
    with FaultProxy([side.system.bed.port]) as proxy:
        await trial.add_host(f"{fault.key}-1", url=proxy.url)
        trial.next_may_begin.set()
        loss = proxy.orders.order(side.fetch, "drop", times=None)
        trial.begin(*fault.loads)
        await trial.until(trial.claimed_at, "a host was given the job", timeout=60)
        loss.end()
        assert loss.met, "no answer was lost"
        trial.strike(trial.claimed_at())
        await trial.ended(timeout=1200)
        trial.end()


async def _host_dies(trial: Trial, fault: Fault) -> None:
    await trial.add_host(f"{fault.key}-2")
    await _begin(trial, fault)
    trial.victim = trial.host_of(trial.works[0])
    trial.strike()
    trial.power_off(trial.victim)
    trial.dead.add(trial.victim)
    await trial.ended(timeout=900)


async def _restarted_with_all(trial: Trial, fault: Fault) -> None:
    name = await _begin(trial, fault)
    trial.strike()
    trial.power_off(name)
    trial.ask_for_more()
    await trial.ended(timeout=1200)


async def _restarted_alone(trial: Trial, fault: Fault) -> None:
    await _signalled(trial, fault, signal.SIGKILL)


async def _terminated(trial: Trial, fault: Fault) -> None:
    await _signalled(trial, fault, signal.SIGTERM)


async def _upgraded(trial: Trial, fault: Fault) -> None:
    await _signalled(trial, fault, trial.side.gentle)


async def _signalled(trial: Trial, fault: Fault, number: signal.Signals) -> None:
    """Send a signal to the worker or agent alone."""
    name = await _begin(trial, fault)
    trial.strike()
    trial.hosts[name].send(number)
    trial.ask_for_more()
    await trial.ended(timeout=1200)


AFTER = f"started again {RESTART_SECONDS:g} s after it has ended"
FAULTS = (
    Fault(
        "answer-lost",
        "the answer to a fetch or poll is lost",
        "A proxy between host and API server drops the answer that brings the job, after the server has committed; "
        "before and after it everything passes. Nothing runs yet; the fault is when the server gave the job away.",
        (Load(10),),
        _answer_lost,
    ),
    Fault(
        "host-dies",
        "the host dies; another one is there",
        "`SIGKILL` of the worker or agent and everything below it. A second, idle host serves the same queue.",
        (Load(60),),
        _host_dies,
    ),
    Fault(
        "restarted-with-all",
        "`kill -9` with all children, started again",
        f"As before, but there is no other host: the worker or agent is {AFTER}, as by a service manager that ends "
        "the whole group, or by a container's.",
        (Load(60),),
        _restarted_with_all,
    ),
    Fault(
        "restarted-alone",
        "`kill -9` of the worker or agent alone, started again",
        "`SIGKILL` of the one process, as systemd would with `KillMode=process`: its tasks are not touched. It is "
        f"{AFTER}.",
        (Load(400),),
        _restarted_alone,
    ),
    Fault(
        "terminated",
        "SIGTERM while a shell command runs, started again",
        "`SIGTERM` to the worker or agent alone, as service managers send it. edge3's passes it on to its tasks; ours "
        f"takes no new work and waits for its own, an hour at most. It is {AFTER}.",
        (Load(60),),
        _terminated,
    ),
    Fault(
        "terminated-python",
        "SIGTERM while a Python function runs, started again",
        "The same. Airflow's answer to the signal is the operator's `on_kill`: a BashOperator kills its command "
        "there, a Python task does nothing and goes on, and the worker waits for it.",
        (Load(60, kind="python"),),
        _terminated,
    ),
    Fault(
        "upgraded",
        "stopped for an upgrade with care, started again",
        "The signal by which each system's manual lets a worker or agent leave without harm to its work: `SIGINT` to "
        f"edge3's, `SIGUSR1` to ours; {AFTER}.",
        (Load(60),),
        _upgraded,
    ),
    Fault(
        "api-server-away",
        "API server away for 3 minutes",
        "The API server is killed with `SIGKILL` while two tasks run, and started again after 180 s. Both tasks have "
        "10 s behind them; one has 20 s to go, the other 230 s.",
        (Load(30, "a task ends in it"), Load(240, "a task runs through it")),
        _api_server_away,
        disturbs=True,
    ),
)
"""In the order of the table. What disturbs others is made first."""


def chosen_faults(names: str) -> tuple[Fault, ...]:
    """Return the faults of these names, separated by commas; all when there is none.

    :raises SystemExit: when there is no such fault.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = {fault.key: fault for fault in FAULTS}
    if unknown := set(wanted) - set(known):
        sys.exit(f"FAULTS: there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return tuple(known[name] for name in wanted) or FAULTS
