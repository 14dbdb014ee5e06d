"""The agent of a host that runs tasks is upgraded, from the release before to this one, while it works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent import __version__
from tests.e2e.holding import Holding, is_gone
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.releases import previous
from tests.support.waiting import wait_until

QUEUE = "upgrade"


def wait_for_version(bed: AirflowBed, host: AgentHost, version: str) -> None:
    """Wait until an agent of that release has registered from the host."""

    def found() -> bool:
        agents = bed.rest.steer("GET", "/agents", params={"limit": 200})["agents"]
        return (host.name, version) in {(each["name"], each["versions"]["agent"]) for each in agents}

    wait_until(found, what=f"{host.name} runs {version}", timeout=60, interval=0.25)


@pytest.fixture
def older(bed: AirflowBed, make_host: Callable[..., AgentHost], tmp_path: Path) -> AgentHost:
    """Give a host of the release before, with this environment's Airflow."""
    return make_host("upgrade-1", QUEUE, **previous().unpacked(tmp_path / "before"))


def test_a_task_goes_on_while_its_agent_is_upgraded(bed: AirflowBed, older: AgentHost, tmp_path: Path):
    (folder := tmp_path / "held").mkdir()
    with older as host:
        wait_for_version(bed, host, previous().version)
        held = Holding.begin(bed, QUEUE, folder)
        started = held.wait_started()
        del host.environment["PYTHONPATH"]
        assert host.hand_over() == 0
        wait_for_version(bed, host, __version__)
        assert not is_gone(started.pid)
        assert held.succeeds()
        (after_folder := tmp_path / "after").mkdir()
        after = Holding.begin(bed, QUEUE, after_folder)
        after.wait_started()
        assert after.succeeds()
    assert held.run.task("hold")["try_number"] == 1
    assert held.starts() == [started]
