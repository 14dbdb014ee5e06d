"""What must be survived: each test kills or cuts a real part, and Airflow's REST API is the judge."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.holding import Holding, is_gone
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.waiting import wait_until

Hosts = Callable[..., AgentHost]
OUTAGE_SECONDS = 75


def agents(bed: AirflowBed) -> dict[str, dict[str, str]]:
    """Return the agents as an admin sees them, by name."""
    listed = bed.rest.steer("GET", "/agents", params={"limit": 200})["agents"]
    return {each["name"]: each for each in listed}


def _registered_more_than(host: AgentHost, times: int) -> bool:
    return host.output().count("event=registered") > times


def test_an_idle_agent_that_is_killed_comes_back_and_takes_work(bed: AirflowBed, make_host: Hosts, tmp_path: Path):
    with make_host("idle-1", "idle") as host:
        wait_until(lambda: "idle-1" in agents(bed), what="the agent registers", timeout=30, interval=1)
        host.crash()
        host.start()
        held = Holding.begin(bed, "idle", tmp_path)
        held.wait_started()
        assert held.succeeds()


def test_a_task_goes_on_through_three_crashes_of_its_agent(bed: AirflowBed, make_host: Hosts, tmp_path: Path):
    with make_host("restart-1", "restart") as host:
        held = Holding.begin(bed, "restart", tmp_path)
        started = held.wait_started()
        for _ in range(3):
            host.crash()
            registered = host.output().count("event=registered")
            host.start()
            again = partial(_registered_more_than, host, registered)
            wait_until(again, what="the agent registers again", timeout=30)
        assert not is_gone(started.pid)
        assert held.succeeds()
    assert held.run.task("hold")["try_number"] == 1
    assert held.starts() == [started]


def test_an_agent_that_was_away_for_too_long_ends_what_it_finds_before_it_runs_the_next_try(
    bed: AirflowBed, make_host: Hosts, tmp_path: Path
):
    with make_host("late-1", "restart") as host:
        held = Holding.begin(bed, "restart", tmp_path)
        first = held.wait_started()
        host.crash()
        wait_until(lambda: agents(bed)["late-1"]["state"] == "lost", what="the agent is lost", timeout=60, interval=1)
        host.start()
        held.wait_started(2)
        assert is_gone(first.pid), "the first try was ended before the second began"
        assert held.succeeds()
    assert held.run.task("hold")["try_number"] == 2


def test_a_host_that_dies_while_a_task_runs_hands_it_to_another(bed: AirflowBed, make_host: Hosts, tmp_path: Path):
    """Lost after three intervals; Airflow retries; the task ends well on the other agent."""
    first, second = make_host("crash-1", "crash"), make_host("crash-2", "crash")
    with first:
        held = Holding.begin(bed, "crash", tmp_path)
        assert held.wait_started().agent == "crash-1"
        first.power_off()
        with second:
            assert held.wait_started(2).agent == "crash-2"
            assert agents(bed)["crash-1"]["state"] == "lost"
            assert held.succeeds()
    task = held.run.task("hold")
    assert (task["try_number"], task["hostname"]) == (2, "crash-2")


def test_a_task_that_waits_for_its_lost_agent_goes_on_when_that_is_back(
    bed: AirflowBed, make_host: Hosts, tmp_path: Path
):
    """Its agent is away for longer than it takes to be lost; the task itself is heard of all the time."""
    with make_host("patient-1", "patient") as host:
        held = Holding.begin(bed, "patient", tmp_path)
        held.wait_started()
        host.crash()
        state = lambda: agents(bed)["patient-1"]["state"]  # noqa: E731  asked for twice
        wait_until(state, until=lambda state: state == "lost", what="the agent is lost", timeout=60, interval=1)
        listed = bed.airflow("edge-agent", "jobs", "list", "--agent", "patient-1", "--output", "json")
        (job,) = (each for each in json.loads(listed) if each["state"] == "running")
        assert job["waiting"].startswith("its agent is lost; it fails at ")
        host.start()
        wait_until(state, until=lambda state: state == "connected", what="the agent is back", timeout=60, interval=1)
        assert held.succeeds()
    assert len(held.starts()) == 1
    assert held.run.task("hold")["try_number"] == 1


@pytest.mark.timeout(500)
def test_an_api_server_that_is_away_for_over_a_minute_costs_nothing(bed: AirflowBed, make_host: Hosts, tmp_path: Path):
    """One task runs through it, one ends in it and is reported on return. Their tokens live for half a minute."""
    (tmp_path / "through").mkdir()
    (tmp_path / "ends").mkdir()
    with make_host("outage-1", "outage") as host:
        through = Holding.begin(bed, "outage", tmp_path / "through")
        ends = Holding.begin(bed, "outage", tmp_path / "ends")
        through.wait_started()
        ends.wait_started()
        bed.stop("api-server")
        away_until = time.monotonic() + OUTAGE_SECONDS
        ends.release()
        wait_until(lambda: len(ends.ledger()) == 2, what="the task ends without us", timeout=30)
        wait_until(lambda: time.monotonic() > away_until, what="over a minute", timeout=OUTAGE_SECONDS + 5, interval=1)
        bed.start("api-server")
        assert ends.run.wait() == "success"
        assert not is_gone(through.starts()[0].pid), "the running task was killed"
        assert agents(bed)["outage-1"]["state"] == "connected"
        assert through.succeeds()
        assert host.output().count("event=token_renewed") >= 2, "an outage that costs no token proves little"
    assert [len(each.starts()) for each in (through, ends)] == [1, 1]
    assert [each.run.task("hold")["try_number"] for each in (through, ends)] == [1, 1]


def test_a_scheduler_that_is_killed_finds_its_queued_and_running_jobs_again(
    bed: AirflowBed, make_host: Hosts, tmp_path: Path
):
    host = make_host("adoption-1", "adoption", slots=1)
    folders = [tmp_path / name for name in ("running", "queued")]
    for folder in folders:
        folder.mkdir()
    with host:
        running = Holding.begin(bed, "adoption", folders[0])
        running.wait_started()
        queued = Holding.begin(bed, "adoption", folders[1])
        queued.run.wait_for_task("hold", "queued")
        bed.kill("scheduler")
        bed.start("scheduler")
        assert running.succeeds()
        queued.wait_started()
        assert queued.succeeds()
    for each in (running, queued):
        assert len(each.starts()) == 1
        assert each.run.task("hold")["try_number"] == 1


@pytest.fixture(scope="module")
def users_host(make_host: Hosts) -> AgentHost:
    """Give the host whose tasks users interfere with."""
    return make_host("user-1", "user").start()


@pytest.mark.parametrize("state", ["failed", "success"])
def test_a_task_that_is_marked_while_it_runs_is_gone_from_the_host(
    bed: AirflowBed, users_host: AgentHost, tmp_path: Path, state: str
):
    held = Holding.begin(bed, "user", tmp_path)
    started = held.wait_started()
    held.run.set_state("hold", state)
    wait_until(lambda: is_gone(started.pid), what="the process is gone", timeout=20)
    assert held.run.wait() == state
    assert len(held.starts()) == 1


def test_a_task_that_is_cleared_while_it_runs_is_gone_and_runs_again(
    bed: AirflowBed, users_host: AgentHost, tmp_path: Path
):
    held = Holding.begin(bed, "user", tmp_path)
    first = held.wait_started()
    held.run.clear("hold")
    wait_until(lambda: is_gone(first.pid), what="the process is gone", timeout=20)
    second = held.wait_started(2)
    assert second.pid != first.pid
    assert held.succeeds()


def test_two_agents_on_one_queue_run_each_job_once(bed: AirflowBed, make_host: Hosts, tmp_path: Path):
    with make_host("crowd-1", "crowd"), make_host("crowd-2", "crowd"):
        wait_until(lambda: {"crowd-1", "crowd-2"} <= set(agents(bed)), what="both are there", timeout=30, interval=1)
        held = Holding.begin(bed, "crowd", tmp_path, count=16)
        held.release()
        assert held.run.wait() == "success"
    starts = held.starts()
    assert sorted(int(entry.what) for entry in starts) == list(range(16))
    assert set(Counter(entry.agent for entry in starts)) == {"crowd-1", "crowd-2"}


def test_a_host_whose_clock_is_ten_minutes_off_is_like_any_other(bed: AirflowBed, make_host: Hosts, tmp_path: Path):
    """The clock is moved for every Python process of the host, before anything else runs in it."""
    module = tmp_path / "skew" / "sitecustomize.py"
    module.parent.mkdir()
    module.write_text(
        "import time\n"
        "real, real_ns = time.time, time.time_ns\n"
        "time.time = lambda: real() - 600\n"
        "time.time_ns = lambda: real_ns() - 600 * 10**9\n",
        encoding="utf-8",
    )
    with make_host("clock-1", "clock", PYTHONPATH=str(module.parent)) as host:
        held = Holding.begin(bed, "clock", tmp_path)
        held.wait_started()
        assert held.succeeds()
        assert agents(bed)["clock-1"]["state"] == "connected"
    assert held.run.task("hold")["try_number"] == 1
    assert host.run("version").returncode == 0


def test_a_task_nobody_serves_fails_by_the_queue_timeout_and_its_retries_count(bed: AirflowBed, tmp_path: Path):
    held = Holding.begin(bed, "nobody", tmp_path)
    held.run.wait_for_task("hold", "queued")
    assert held.run.wait() == "failed"
    assert held.run.task("hold")["try_number"] == 2
    assert held.starts() == []


def test_the_job_list_says_which_capability_no_agent_has(bed: AirflowBed, make_host: Hosts, tmp_path: Path):
    with make_host("demanding-1", "demanding"):
        held = Holding.begin(bed, "demanding", tmp_path)
        held.run.wait_for_task("hold", "queued")

        def why() -> str:
            listed = bed.rest.steer("GET", "/jobs", params={"queue": "demanding"})["jobs"]
            return " ".join(str(each) for each in listed)

        wait_until(why, until=lambda text: "none has gpu = true" in text, what="the reason", timeout=30, interval=1)
        held.run.set_state("hold", "failed")
        wait_until(
            why,
            until=lambda text: "cancelled" in text,
            what="the queued job is withdrawn",
            timeout=30,
            interval=1,
        )
