"""Which coordinator runs the tasks of a queue: ours, unless the host's operator chose one."""

from __future__ import annotations

import json

import pytest

workload = pytest.importorskip("edge_agent.task_host.workload")

pytestmark = pytest.mark.airflow

MINE = {"java": {"classpath": "mine.Java", "kwargs": {"home": "/opt/java"}}}
OURS = {"classpath": "edge_agent.task_host.coordinator.PromptCoordinator"}


@pytest.fixture(autouse=True)
def _chosen_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SDK__COORDINATORS", json.dumps(MINE))
    monkeypatch.setenv("AIRFLOW__SDK__QUEUE_TO_COORDINATOR", json.dumps({"legacy": "java"}))


def settings() -> tuple[dict, dict]:
    conf = workload.conf
    return conf.getjson("sdk", "coordinators"), conf.getjson("sdk", "queue_to_coordinator")


def test_what_the_operator_chose_for_a_queue_stays():
    workload.choose_coordinator("legacy")

    assert settings() == (MINE, {"legacy": "java"})


def test_any_other_queue_is_run_by_ours():
    workload.choose_coordinator("onprem")

    assert settings() == (MINE | {"edge-agent": OURS}, {"legacy": "java", "onprem": "edge-agent"})
