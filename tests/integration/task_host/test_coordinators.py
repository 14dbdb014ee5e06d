"""Which coordinator runs the tasks of a queue: ours, unless the host's operator chose one."""

from __future__ import annotations

import json

import pytest

from edge_agent.errors import CannotStart

workload = pytest.importorskip("edge_agent.task_host.workload")

pytestmark = pytest.mark.airflow

MINE = {"java": {"classpath": "mine.Java", "kwargs": {"home": "/opt/java"}}}
OURS = {"classpath": "edge_agent.task_host.coordinator.PromptCoordinator", "kwargs": {}}


@pytest.fixture(autouse=True)
def _chosen_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SDK__COORDINATORS", json.dumps(MINE))
    monkeypatch.setenv("AIRFLOW__SDK__QUEUE_TO_COORDINATOR", json.dumps({"legacy": "java"}))


def settings() -> tuple[dict, dict]:
    conf = workload.conf
    return conf.getjson("sdk", "coordinators"), conf.getjson("sdk", "queue_to_coordinator")


def test_what_the_operator_chose_for_a_queue_stays():
    workload.choose_coordinator("legacy", {})

    assert settings() == (MINE, {"legacy": "java"})


def test_any_other_queue_is_run_by_ours():
    workload.choose_coordinator("onprem", {})

    assert settings() == (MINE | {"edge-agent": OURS}, {"legacy": "java", "onprem": "edge-agent"})


def test_ours_is_told_what_the_policy_of_the_host_takes_from_a_task():
    workload.choose_coordinator("onprem", {"run_as_user": "etl"})

    assert settings()[0]["edge-agent"]["kwargs"] == {"run_as_user": "etl"}


def test_one_that_would_not_see_to_it_gets_no_task():
    with pytest.raises(CannotStart, match=r"bounds tasks \(run_as_user under \[tasks\]\).* coordinator 'java'"):
        workload.choose_coordinator("legacy", {"run_as_user": "etl"})
