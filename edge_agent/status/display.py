"""Where the status of an agent is to be had: its file, its socket, and the pages for probes if there are any."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.metrics import prometheus_page
from edge_agent.probes import Page, Pages, Probes, listen, verdict_page
from edge_agent.readings import Readings
from edge_agent.settings import AgentSettings
from edge_agent.state_dir import StateDir
from edge_agent.status.file import StatusFile, last_words
from edge_agent.status.socket import StatusSocket
from edge_agent.status.survey import Survey


class Display:
    """Shows what ``survey`` finds, from :meth:`open` to :meth:`close`."""

    def __init__(self, survey: Survey, readings: Readings) -> None:
        self._survey = survey
        self._file = StatusFile(survey.board, survey.status, survey.state_dir)
        self._socket = StatusSocket(survey.state_dir.status_socket, survey.status)
        self._probes = Probes(pages_of(survey, readings))

    async def open(self) -> None:
        """Answer probes, if the host wants that.

        :raises SettingsError: when their address cannot be had.
        """
        if (address := self._survey.settings.health_address) is not None:
            await self._probes.open(listen(address))

    async def open_socket(self) -> None:
        """Answer `edge-agent status`, as soon as that is possible."""
        await self._socket.open()

    async def run(self) -> None:
        """Keep the file as it should be, for ever."""
        await self._file.run()

    def close(self, why: str) -> None:
        """Answer nobody any more, and leave behind why the agent has stopped."""
        self._survey.stopped = why
        self._probes.close()
        self._socket.close()
        self._file.write()


def check_listening(settings: AgentSettings, state_dir: StateDir) -> None:
    """See whether the address for probes can be had, now or when the agent has gone that runs here and has it.

    :raises SettingsError: when it cannot.
    """
    if settings.health_address is None:
        return
    before = last_words(state_dir) if state_dir.holder() else None
    if before is None or before.health_address != settings.health_address:
        listen(settings.health_address).close()


def pages_of(survey: Survey, readings: Readings) -> Pages:
    """Return what probes may ask for."""
    pages: dict[str, Callable[[], Page | tuple[str, bytes]]] = {
        "/live": verdict_page("live", survey.live),
        "/ready": verdict_page("ready", survey.ready),
    }
    if survey.settings.metrics:
        pages["/metrics"] = prometheus_page(readings)
    return pages
