"""What a Dag author may write in ``executor_config``, and what is said about anything else."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_plugin.errors import Invalid
from airflow_plugin.scheduling.executor_config import OnAgentLost, Wishes, wishes
from edge_agent.protocol import RunnerName


@pytest.mark.parametrize("nothing", [None, {}, {"edge_agent": None}, {"edge_agent": {}}])
def test_nothing_asks_for_nothing(nothing: Any):
    assert wishes(nothing) == Wishes(runner=RunnerName.DEFAULT)


def test_everything_that_may_be_asked_for():
    asked = {"requires": {"gpu": True, "os": "linux"}, "runner": "tmux", "slots": 2, "queue_timeout": 90}
    asked |= {"on_agent_lost": "wait", "wait_seconds": 600, "run_as_user": "etl"}
    assert wishes({"edge_agent": asked}) == Wishes(
        {"gpu": True, "os": "linux"}, RunnerName.TMUX, 2, 90.0, OnAgentLost.WAIT, 600.0, "etl"
    )


def test_none_stands_for_what_is_not_asked_for():
    asked = dict.fromkeys(
        ("requires", "runner", "slots", "queue_timeout", "on_agent_lost", "wait_seconds", "run_as_user")
    )
    assert wishes({"edge_agent": asked}) == Wishes()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("edge_agent", "executor_config must be a mapping, not str"),
        (
            {"pod_override": 1},
            "executor_config has the key 'pod_override', which means nothing here; allowed is edge_agent",
        ),
        ({"edge_agent": "tmux"}, r'executor_config\["edge_agent"\] must be a mapping, not str'),
        (
            {"edge_agent": {"require": {}}},
            r"has the key 'require', which means nothing here; allowed is on_agent_lost, queue_timeout, requires, ",
        ),
        ({"edge_agent": {"runner": "docker"}}, "runner is 'docker'; it must be one of local, tmux"),
        ({"edge_agent": {"runner": ["tmux"]}}, "runner is"),
        *[({"edge_agent": {"slots": slots}}, "slots is") for slots in (0, -1, 1.5, "2", True, 10_001)],
        *[
            ({"edge_agent": {"queue_timeout": seconds}}, "queue_timeout is")
            for seconds in (0, -1, "10", True, float("nan"), float("inf"), 10**12)
        ],
        *[
            ({"edge_agent": {"on_agent_lost": "wait", "wait_seconds": seconds}}, "wait_seconds is")
            for seconds in (0, -1, "10", True, float("nan"), float("inf"), 10**12)
        ],
        ({"edge_agent": {"on_agent_lost": "retry"}}, "on_agent_lost is 'retry'; it must be one of fail, wait"),
        *[
            (
                {"edge_agent": {"wait_seconds": 60, **more}},
                "wait_seconds is 60, which means nothing without on_agent_lost",
            )
            for more in ({}, {"on_agent_lost": "fail"})
        ],
        *[({"edge_agent": {"run_as_user": name}}, "run_as_user is") for name in ("", 0, "a b", "-x", "a\n", ["root"])],
        ({"edge_agent": {"requires": ["gpu"]}}, "requires must be a mapping"),
        ({"edge_agent": {"requires": {"gpu": None}}}, "'gpu' must be a text, a number, true or false"),
        ({"edge_agent": {"requires": {"bad name": 1}}}, "'bad name' is not a capability name"),
    ],
)
def test_anything_else_is_refused_by_name(config: Any, said: str):
    with pytest.raises(Invalid, match=said):
        wishes(config)
