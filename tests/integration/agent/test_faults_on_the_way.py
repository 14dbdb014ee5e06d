"""Every fault and every verb, between real agents and the real queue API: each job runs once and is told of once.

There is one host for each kind of fault, behind a line of its own, so that they are waited for side by side.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from edge_agent.fresh_token import FreshToken
from edge_agent.protocol import JobState
from tests.integration.agent.steps import met
from tests.support.airflow_bed import AirflowBed
from tests.support.command_site import CommandSite
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import Fault
from tests.support.waiting import wait_until

FAULTS: dict[str, dict[str, Any]] = {
    "lost": {},
    "torn": {},
    "html": {},
    "503": {"kind": "status", "status": 503},
    "429": {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
    "held": {},
    "drop": {},
    "half": {},
    "delay": {},
    "slow": {},
    "endless": {},
}

pytestmark = [pytest.mark.airflow, pytest.mark.minutes, pytest.mark.timeout(300)]


@dataclass
class Host:
    """A host that suffers one kind of fault."""

    kind: str
    line: FaultProxy
    site: CommandSite

    def order(self, verb: str) -> Fault:
        """Order its fault for the next call of a verb."""
        return self.line.orders.order(verb, **({"kind": self.kind} | FAULTS[self.kind]))

    def beats(self) -> int:
        """Return how many beats it has sent by themselves."""
        return len(self.line.orders.calls_of("heartbeat"))

    def acknowledged(self) -> int:
        """Return the number of the latest beat that was answered, as the next one tells."""
        beats = [json.loads(call.body).get("beat") for call in self.line.orders.calls_of("poll")]
        alone = [json.loads(call.body) for call in self.line.orders.calls_of("heartbeat")]
        return max((beat["number"] for beat in (*beats, *alone) if beat), default=1) - 1


@pytest.fixture(scope="module")
def hosts(real_api: AirflowBed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Host]]:
    """Give a host for each kind of fault, its agent registered."""
    with ExitStack() as stack:
        made = []
        for kind in FAULTS:
            line = stack.enter_context(FaultProxy([real_api.port]))
            home = tmp_path_factory.mktemp("host") / kind
            site = CommandSite(real_api, home, url=line.url, EDGE_AGENT_DRAIN_TIMEOUT_SECONDS="0")
            stack.callback(site.engine.dispose)
            stack.enter_context(site.host)
            made.append(Host(kind, line, site))
        for host in made:
            wait_until(
                host.site.is_well,
                what=f"{host.kind} registers",
                timeout=60,
                ignoring=(FileNotFoundError,),
                interval=0.2,
            )
        yield made


def all_run(hosts: list[Host], job_ids: list[UUID]) -> None:
    """Wait until each host's job runs."""
    for host, job_id in zip(hosts, job_ids, strict=True):
        wait_until(partial(host.site.entries, job_id), what=f"the job of {host.kind} runs", timeout=20)


def has_happened(faults: list[Fault]) -> None:
    """Wait until each fault was met, and let what it holds up go on."""
    for fault in faults:
        met(fault, timeout=30)
        fault.end()


@pytest.mark.parametrize("verb", ["poll", "confirm", "logs", "report"])
def test_a_fault_on_the_way_of_a_job_costs_nothing(hosts, verb):
    """One job meets it, one comes after it."""
    faults = [host.order(verb) for host in hosts]
    first = [host.site.submit_entry() for host in hosts]
    has_happened(faults)
    second = [host.site.submit_entry() for host in hosts]
    for host, *job_ids in zip(hosts, first, second, strict=True):
        host.site.audit(*job_ids)


def test_a_job_is_nobody_elses_while_the_answer_to_its_confirm_is_on_its_way(hosts, real_api, tmp_path):
    """However long that takes: beats, which other connections bring, say in whose hands it is."""
    host = hosts[0]
    fault = host.line.orders.order("confirm", "delay")
    job_id = host.site.submit_entry()
    met(fault, timeout=30)
    confirmed = host.site.job(job_id).assignment_id
    other = CommandSite(real_api, tmp_path / "other", EDGE_AGENT_QUEUES=host.site.name)
    with other.host:
        before = host.acknowledged()
        wait_until(host.acknowledged, until=lambda number: number >= before + 3, what="three beats pass", timeout=40)
        now = host.site.job(job_id)
        fault.end()
        host.site.audit(job_id)
    other.engine.dispose()
    assert (now.state, now.assignment_id) == (JobState.RUNNING, confirmed)


def test_a_fault_on_the_way_of_a_beat_costs_nothing(hosts, tmp_path):
    """An agent beats by itself while its poll is stuck. A beat that is not answered is followed by another in time."""
    gate = tmp_path / "gate"
    job_ids = [host.site.submit_entry(gate=gate) for host in hosts]
    all_run(hosts, job_ids)
    sessions = [host.site.agent().session_id for host in hosts]
    stuck = [host.line.orders.order("poll", "delay", times=None) for host in hosts]
    faults = [host.order("heartbeat") for host in hosts]
    before = [host.beats() for host in hosts]
    for fault in faults:
        met(fault, timeout=30)
    wait_until(
        lambda: [host.kind for host, count in zip(hosts, before, strict=True) if host.beats() < count + 2],
        until=lambda silent: not silent,
        what="all beat again",
    )
    gate.touch()
    for fault in (*stuck, *faults):
        fault.end()
    for host, job_id in zip(hosts, job_ids, strict=True):
        host.site.audit(job_id)
    assert [host.site.agent().session_id for host in hosts] == sessions, "nobody was lost"


def test_a_fault_on_the_way_of_a_new_token_costs_nothing(hosts, tmp_path):
    """A command needs none, and is told so; what counts is that the answer comes, and that the job goes on."""
    gate = tmp_path / "gate"
    job_ids = [host.site.submit_entry(gate=gate) for host in hosts]
    all_run(hosts, job_ids)
    faults = [host.order("renew") for host in hosts]
    wanted = [FreshToken(host.site.attempt(job_id)) for host, job_id in zip(hosts, job_ids, strict=True)]
    for each in wanted:
        each.want()
    has_happened(faults)
    wait_until(
        lambda: [each for each in wanted if each.is_wanted()], until=lambda left: not left, what="all are answered"
    )
    gate.touch()
    for host, job_id in zip(hosts, job_ids, strict=True):
        host.site.audit(job_id)


def test_a_fault_on_the_way_of_a_goodbye_and_of_the_next_registration_costs_nothing(hosts, tmp_path):
    """As in an upgrade: the job goes on meanwhile and is adopted."""
    gate = tmp_path / "gate"
    job_ids = [host.site.submit_entry(gate=gate) for host in hosts]
    all_run(hosts, job_ids)
    goodbyes = [host.order("leave") for host in hosts]
    for host in hosts:
        host.site.host.process.send(signal.SIGTERM)
    has_happened(goodbyes)
    registrations = [host.order("register") for host in hosts]
    for host in hosts:
        assert host.site.host.process.wait(timeout=20) == 0
        host.site.host.start()
    has_happened(registrations)
    gate.touch()
    for host, job_id in zip(hosts, job_ids, strict=True):
        host.site.audit(job_id)


def test_a_server_that_asks_for_time_is_given_it(hosts, tmp_path):
    """By beats as much as there is before the agent is taken for lost: 0.4 of an interval, which is 2 s here."""
    host, gate = hosts[0], tmp_path / "gate"
    calls = host.line.orders
    job_id = host.site.submit_entry(gate=gate)
    all_run([host], [job_id])
    fault = calls.order("*", "status", times=None, status=429, headers={"Retry-After": "3"})
    calls.calls.clear()
    gate.touch()
    least = {"poll": 3.0, "logs": 3.0, "heartbeat": 0.8}
    wait_until(
        lambda: [len(calls.calls_of(verb)) for verb in least],
        until=lambda seen: min(seen) > 1,
        what="every verb asks again",
        timeout=20,
    )
    times = {verb: [call.at for call in calls.calls_of(verb)] for verb in least}
    fault.end()
    gaps = {verb: min(after - before for before, after in pairwise(at)) for verb, at in times.items()}
    assert {verb for verb in least if gaps[verb] < least[verb]} == set(), gaps
    host.site.audit(job_id)
