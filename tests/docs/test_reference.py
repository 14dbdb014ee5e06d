"""Everything one can set, call, run or meet is documented, and nothing is documented that is not there."""

from __future__ import annotations

import re

import pytest
from airflow.configuration import conf

import edge_agent.protocol
from airflow_plugin.config import QueueConfig
from edge_agent.policy.document import TABLES
from edge_agent.protocol import AgentState, EndReason, JobKind, JobState, ProblemReason, RunnerName
from edge_agent.protocol.routes import PREFIX
from edge_agent.settings import ENV_PREFIX, AgentSettings
from tests.docs.documents import DOCS, documents
from tests.gen import command_lines, docstrings, protocol

pytestmark = pytest.mark.airflow

KNOB = re.compile(r"`([a-z][a-z_]+_(?:seconds|bytes|days|timeout|time|file|dir|heartbeats))\b")


def page(name: str) -> str:
    return (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", AgentSettings.model_fields)
def test_every_setting_of_the_agent_is_documented(name):
    assert f"| `{ENV_PREFIX}{name.upper()}` | `{name}` |" in page("agent-settings")


@pytest.mark.parametrize("name", QueueConfig.__dataclass_fields__)
def test_every_option_of_the_server_is_documented(name):
    assert f"| `{name}` |" in page("server-options")


@pytest.mark.parametrize("value", [*JobState, *EndReason, *AgentState, *JobKind, *RunnerName], ids=repr)
def test_every_state_and_reason_is_documented(value):
    assert f"| `{value}` |" in page("states")


@pytest.mark.parametrize("value", ProblemReason)
def test_every_reason_of_a_problem_is_documented(value):
    assert f"| `{value}` |" in page("protocol")


def test_every_route_is_documented():
    described = protocol.described()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    assert set(re.findall(r"`([A-Z]+ /\S+)`", page("queue-api"))) == routes


def test_every_verb_of_the_protocol_is_served():
    """An agent that asks for a route that is not there is told that nothing of ours is at that address."""
    served = {re.sub(r"\{\w+\}", "{}", path): methods for path, methods in protocol.described()["paths"].items()}
    verbs = [row[0].strip("`").split() for row in docstrings.table_of(edge_agent.protocol.__doc__ or "")[1:]]
    assert len(verbs) > 5
    for method, path in verbs:
        plain = re.sub(r"\{\w+\}", "{}", path.partition("?")[0])
        assert method.lower() in served[PREFIX + plain], path


@pytest.mark.parametrize("name", ["agent", "admin"])
def test_every_command_is_documented(name):
    parser = getattr(command_lines, f"{name}_parser")()
    text = page("edge-agent" if name == "agent" else "airflow-edge-agent")
    verbs = {verb.prog for verb in command_lines.verbs(parser)}
    assert len(verbs) > 3
    assert set(re.findall(r"^## ((?:airflow )?edge-agent .+)$", text, re.MULTILINE)) == verbs


def test_every_knob_that_the_docs_mention_exists():
    """Ours, or one of Airflow's."""
    ours = set(AgentSettings.model_fields) | set(QueueConfig.__dataclass_fields__)
    known = ours | {option for section in conf.sections() for option in conf.options(section)}
    known |= {name for table in TABLES.values() for name in table.model_fields}
    # What a Dag author writes.
    known |= {"queue_timeout", "wait_seconds"}
    mentioned = {
        (path.name, name)
        for path in documents()
        for name in KNOB.findall(path.read_text(encoding="utf-8"))
        # Who comes from another system knows what things are called there.
        if "reference" not in path.parts and not path.name.startswith("migrate-from-")
    }
    assert sorted(each for each in mentioned if each[1] not in known) == []
