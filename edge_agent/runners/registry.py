"""Which runners this agent has, the one for a job, and whether they are ready."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from edge_agent.errors import CannotStart
from edge_agent.protocol import AirflowSettings, JobKind, RunnerName
from edge_agent.runners.base import Runner
from edge_agent.runners.local import LocalRunner
from edge_agent.settings import AgentSettings

logger = logging.getLogger(__name__)

KEEP_READY_SECONDS = 30.0
"""How often it is seen to that every runner is ready, also after what it is made of has changed."""

RETRY_SECONDS = 15.0
"""How soon a runner that cannot be made ready is tried again. Until then the agent takes no work: one
that fails whatever it is given, and fast, would draw all of a queue's work to itself."""

Place = tuple[JobKind, RunnerName]


class Runners:
    """The runners of one agent. A job for another one is refused: such was not advertised.

    ``changed`` is called when :attr:`are_ready` changes.
    """

    def __init__(
        self,
        by_place: dict[Place, Runner],
        *,
        changed: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._by_place = by_place
        self._changed = changed
        self._sleep = sleep
        self._configured = asyncio.Event()
        self.are_ready = False
        """Whether a job could be started at once."""

    @property
    def kinds(self) -> tuple[JobKind, ...]:
        """The kinds of job there is a runner for."""
        return tuple(dict.fromkeys(kind for kind, _ in self._by_place))

    def runner_for(self, kind: JobKind, name: RunnerName) -> Runner:
        """Return the runner of a job.

        :raises CannotStart: when this agent has none.
        """
        runner = self._by_place.get((kind, name))
        if runner is None:
            msg = f"This agent cannot run a {kind.value} job with the runner {name.value!r}."
            raise CannotStart(msg)
        return runner

    def configure(self, airflow: AirflowSettings) -> None:
        """Tell the runners what the site's Airflow is set to. Told again with each session."""
        for runner in self._by_place.values():
            runner.configure(airflow)
        self._configured.set()

    async def run(self) -> None:
        """Keep all runners ready, for ever."""
        await self._configured.wait()
        while True:
            await self._sleep(KEEP_READY_SECONDS if await self._prepare() else RETRY_SECONDS)

    async def close(self) -> None:
        """Give up what the runners hold. What they started goes on."""
        for runner in self._by_place.values():
            await runner.close()

    async def _prepare(self) -> bool:
        try:
            for runner in self._by_place.values():
                await runner.prepare()
        except CannotStart as error:
            logger.error(  # noqa: TRY400  the traceback says nothing the sentence does not
                "This host cannot start jobs now, and takes none: %s", error, extra={"event": "not_ready"}
            )
            self._set_ready(ready=False)
            return False
        self._set_ready(ready=True)
        return True

    def _set_ready(self, *, ready: bool) -> None:
        if ready != self.are_ready:
            self.are_ready = ready
            self._changed()


def runners_of(settings: AgentSettings, kinds: tuple[JobKind, ...]) -> dict[Place, Runner]:
    """Make the runners of an agent that takes these kinds of job."""
    by_place: dict[Place, Runner] = {}
    if JobKind.TASK in kinds:
        # Imported here: an agent without tasks stays smaller.
        from edge_agent.runners.task import TaskRunner

        by_place[JobKind.TASK, RunnerName.LOCAL] = TaskRunner(
            agent_name=settings.name, server=settings.execution_api, log=settings.state_dir / "task_host.log"
        )
    if JobKind.COMMAND in kinds:
        by_place[JobKind.COMMAND, RunnerName.LOCAL] = LocalRunner()
    return by_place
