"""A release is installed over the one that works: file by file, as package installers do."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.protocol import JobState
from tests.integration.agent.steps import ended
from tests.integration.upgrade.site import change_host
from tests.support.agent_host import AgentHost
from tests.support.fake_queue import AGENT_TOKEN, FakeQueue
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.minutes, pytest.mark.timeout(180)]
TIMES = 6


def test_no_command_fails_that_starts_while_another_release_is_installed(install, wheels, tmp_path: Path):
    environment = install("now")
    with FakeQueue() as queue:
        settings = {"EDGE_AGENT_KINDS": "command"}
        program = environment.bin / "edge-agent"
        host = AgentHost(
            tmp_path / "host",
            url=queue.url,
            name="h1",
            token=AGENT_TOKEN,
            queues=["q"],
            slots=4,
            settings=settings,
            edge_agent=program,
        )
        with host:
            wait_until(lambda: queue.calls_of("poll"), what="the agent asks for work", timeout=20)
            for number in range(TIMES):
                # More than start in the time it takes, so that some start at any moment of it.
                jobs = [queue.submit("true", label=f"job {number}.{each}") for each in range(40)]
                change_host(environment, wheels["before" if number % 2 == 0 else "now"])
                endings = [ended(job) for job in jobs]
                assert {(each.state, each.message) for each in endings} == {(JobState.SUCCEEDED, None)}
