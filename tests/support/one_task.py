"""One task instance as its supervisor asks about it: real client, server, sockets and answers; only time is not."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx

from edge_agent.fresh_token import FreshToken
from tests.support.execution_api import ExecutionApi

MINUTE = 60.0
HOUR = 3600.0


class Clock:
    """Time that passes only while somebody sleeps. ``at`` says what happens at which second."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.at: dict[float, Any] = {}

    def __call__(self) -> float:
        return self.now

    def skip(self, *, to: float) -> None:
        """Let nothing happen from the end of the first minute to the last before ``to``."""
        self.at[MINUTE] = lambda: setattr(self, "now", 1000 + to - MINUTE)

    def sleep(self, seconds: float) -> None:
        """Let time pass, and what was to happen meanwhile."""
        self.slept.append(seconds)
        self.now += seconds
        for moment in sorted(self.at):
            if self.now - 1000 >= moment:
                self.at.pop(moment)()


class Task:
    """A task instance, and what its supervisor asks."""

    def __init__(self, api: ExecutionApi, fresh: FreshToken | None = None) -> None:
        from edge_agent.task_host.execution_client import ExecutionClient

        self.api = api
        self.id = uuid4()
        self.clock = Clock()
        self.client = ExecutionClient(
            base_url=api.url, token="t", fresh=fresh, clock=self.clock, sleep=self.clock.sleep
        )

    def patch(self, action: str, **body: Any) -> httpx.Response:
        """Send a change of state."""
        response = self.client.patch(f"task-instances/{self.id}/{action}", content=json.dumps(body))
        assert isinstance(response, httpx.Response)
        return response

    def run(self) -> httpx.Response:
        """Start."""
        return self.patch("run", hostname="h", unixname="u", pid=1)

    def succeed(self) -> httpx.Response:
        """Tell the final state."""
        return self.patch("state", state="success")

    def heartbeat(self) -> None:
        """Send a heartbeat, unless it is too early for one."""
        self.client.task_instances.heartbeat(self.id, pid=1)

    def variable(self) -> httpx.Response:
        """Ask for a variable."""
        response = self.client.get("variables/the_variable")
        assert isinstance(response, httpx.Response)
        return response

    def asked(self, what: str) -> int:
        """Return how often the server has heard a request whose path ends like this."""
        return len([one for one in self.api.heard if one.path.endswith(what)])
