"""What an agent says of itself: all of it when it registers, and later what of it changes."""

from __future__ import annotations

import socket
from uuid import uuid4

from edge_agent.capabilities import detect_capabilities, detect_versions
from edge_agent.holdings import Holdings
from edge_agent.protocol import Capabilities, Registration, RunnerName, one_line
from edge_agent.runners.registry import Runners
from edge_agent.settings import AgentSettings


class Introduction:
    """Of one agent process."""

    def __init__(self, settings: AgentSettings, runners: Runners, holdings: Holdings) -> None:
        self._settings = settings
        self._runners = runners
        self._holdings = holdings
        self._instance = uuid4()
        self._detected: tuple[tuple[RunnerName, ...], Capabilities] | None = None

    def registration(self) -> Registration:
        """Return what to register with now."""
        return Registration(
            instance=self._instance,
            hostname=one_line(socket.gethostname()),
            queues=self._settings.queues,
            kinds=self._runners.kinds,
            slots=self._settings.slots,
            capabilities=self.capabilities(anew=True),
            versions=detect_versions(),
            held=self._holdings.held(),
            never_started=self._holdings.never_started(),
        )

    def capabilities(self, *, anew: bool = False) -> Capabilities:
        """Return what to advertise. Looked at again only when a runner has become ready, or is not any more."""
        runners = self._runners.advertised
        if anew or self._detected is None or self._detected[0] != runners:
            self._detected = runners, detect_capabilities(self._settings, runners)
        return self._detected[1]
