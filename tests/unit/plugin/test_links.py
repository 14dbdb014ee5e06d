"""The buttons on a task that lead to its commands: what stands in their addresses, and how Airflow keeps them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.types import TaskInstanceKey
from airflow.serialization.serialized_objects import OperatorSerialization

from airflow_plugin.bundle import react_apps
from airflow_plugin.links import PAGE, EdgeAgentJobLink, EdgeAgentJobsLink
from airflow_plugin.operators.edge_agent_command import EdgeAgentCommandOperator
from airflow_plugin.sensors.edge_agent_job import EdgeAgentJobSensor

RUN = "manual__2026-03-01T12:00:00+00:00"


class _Operator(BaseOperator):
    operator_extra_links = (EdgeAgentJobsLink(),)

    def __init__(self, *, job_id: str | list[str] | None = None, **kwargs):
        super().__init__(**kwargs)
        self.job_id = job_id


def _key(map_index: int = -1) -> TaskInstanceKey:
    return TaskInstanceKey("night/ly", "load&co", RUN, 2, map_index)


def _narrowed(address: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(address).query, strict_parsing=True).items()}


def test_the_page_is_narrowed_down_to_the_commands_of_the_task_instance_of_whatever_try():
    address = EdgeAgentJobsLink().get_link(_Operator(task_id="load"), ti_key=_key())
    expected = {"tab": "jobs", "kind": "command", "dag_id": "night/ly", "run_id": RUN, "task_id": "load&co"}
    assert _narrowed(address) == expected


def test_of_a_mapped_task_it_is_the_one_instance():
    assert _narrowed(EdgeAgentJobsLink().get_link(_Operator(task_id="load"), ti_key=_key(7)))["map_index"] == "7"


def test_an_operator_that_names_one_job_leads_to_that_one():
    link = EdgeAgentJobLink()
    job = "7a0f6c0e-0000-4000-8000-000000000001"
    one: list[str | list[str]] = [job, [job]]
    for named in one:
        address = link.get_link(_Operator(task_id="wait", job_id=named), ti_key=_key())
        assert _narrowed(address) == {"tab": "jobs", "job": job}
    none: list[list[str] | None] = [None, [], [job, job]]
    for several in none:
        assert link.get_link(_Operator(task_id="wait", job_id=several), ti_key=_key()) == ""


@pytest.mark.parametrize("base", ["https://example.com/", "https://example.com/airflow/"])
def test_below_whatever_path_airflow_is_served_the_address_leads_to_the_page(base):
    """Airflow's pages have that path as their base, and a button of theirs is resolved against it."""
    address = urljoin(base, EdgeAgentJobsLink().get_link(_Operator(task_id="load"), ti_key=_key()))
    assert urlsplit(address).path == f"{urlsplit(base).path}{PAGE}"


def test_the_page_stands_where_the_buttons_lead(monkeypatch):
    monkeypatch.setattr("airflow_plugin.bundle.version", lambda _name: "1")
    assert f"plugin/{react_apps()[0]['url_route']}" == PAGE


def test_a_stored_dag_knows_the_button_and_where_its_address_is_kept():
    stored = OperatorSerialization.serialize_operator(_Operator(task_id="load"))
    (link,) = OperatorSerialization.deserialize_operator(stored).operator_extra_links
    assert (link.name, link.xcom_key) == ("Edge Agent", EdgeAgentJobsLink().xcom_key)


@pytest.mark.parametrize(
    ("operator", "link"), [(EdgeAgentCommandOperator, EdgeAgentJobsLink), (EdgeAgentJobSensor, EdgeAgentJobLink)]
)
def test_each_operator_has_its_button(operator, link):
    assert [type(each) for each in operator.operator_extra_links] == [link]


def test_a_task_that_holds_its_worker_can_show_the_button_at_once():
    kept = {}
    ti = SimpleNamespace(**_key()._asdict(), task=_Operator(task_id="load"))
    ti.xcom_push = lambda key, value: kept.update({key: value})
    context: Any = {"ti": ti}
    EdgeAgentJobsLink().persist(context)
    assert kept == {EdgeAgentJobsLink().xcom_key: EdgeAgentJobsLink().get_link(ti.task, ti_key=_key())}
