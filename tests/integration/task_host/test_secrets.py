"""Nothing secret is left where it can be read: not in files, environments or command lines."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from edge_agent.task_host import TaskHost
from tests.support.task_site import TOKEN, TaskSite, task

pytestmark = pytest.mark.asyncio(loop_scope="session")


def shown_by(process: psutil.Process) -> bytes:
    """Return what everybody on the host may read of a process."""
    return b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("environ", "cmdline"))


async def test_the_payload_is_gone_once_the_task_has_started(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("long", "waits"))
    await run.logged("waiting for the gate")

    written = [path.read_text() for path in run.attempt.path.rglob("*") if path.is_file()]

    assert not (run.attempt.path / "payload.json").exists()
    assert not [text for text in written if TOKEN in text]
    (run.attempt.path / "gate").touch()
    await run.result()


async def test_no_token_stands_in_an_environment_or_on_a_command_line(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("long", "waits"))
    await run.logged("waiting for the gate")
    supervisor = psutil.Process(run.identity.pid)
    zygote = supervisor.parent()
    assert zygote is not None

    family = [zygote, supervisor, *supervisor.children(recursive=True)]
    shown = b"".join(map(shown_by, family))

    assert len(family) >= 3
    assert TOKEN.encode() not in shown
    assert b"planted-agent-token" not in shown
    (run.attempt.path / "gate").touch()
    await run.result()


async def test_a_task_knows_its_agent_and_job_and_none_of_the_agents_settings(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("simple", "tells"))
    await run.result()

    facts = site.api.xcoms["simple/manual__1/tells/return_value"]
    assert {name: value for name, value in facts.items() if name.startswith("EDGE_AGENT")} == {
        "EDGE_AGENT_NAME": "agent-one",
        "EDGE_AGENT_ASSIGNMENT_ID": str(run.attempt.assignment_id),
        "EDGE_AGENT_JOB_ID": (run.attempt.read("offer.json") or {})["job_id"],
    }


async def test_what_the_host_may_not_have_is_said_in_the_tasks_log_and_looked_for_nowhere_else(
    host: TaskHost, site: TaskSite
):
    why = "The agent token 'site-a' of 'agent-one' does not allow the connection 'the_db'; it allows site_a_*."
    site.api.connections["the_db"] = {"conn_type": "http", "host": "db.example"}
    site.api.denied["connections/the_db"] = why
    asked = len(site.api.requests("GET", "connections/the_db"))
    run = await site.spawn(host, task("simple", "reads"))

    assert (await run.result()).state == "failed"

    assert "Access denied for connection 'the_db'" in run.said()
    assert why in run.said()
    assert len(site.api.requests("GET", "connections/the_db")) == asked + 1
    del site.api.denied["connections/the_db"]


async def test_airflow_knows_the_task_by_the_name_of_its_agent(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("simple", "succeeds"))
    await run.result()

    assert run.instance.hostname == "agent-one"
