"""Which runners this agent has, the one for a job, and whether they are ready."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from edge_agent.counts import Counts
from edge_agent.errors import CannotStart
from edge_agent.program import Program
from edge_agent.protocol import AirflowSettings, JobKind, RunnerName
from edge_agent.runners.base import Runner
from edge_agent.runners.local import LocalRunner
from edge_agent.runners.tmux import TmuxCommandRunner, TmuxRunner
from edge_agent.settings import AgentSettings
from edge_agent.status.board import StatusBoard
from edge_agent.status.report import RunnerStatus
from edge_agent.tmux_server import TmuxServer

logger = logging.getLogger(__name__)

KEEP_READY_SECONDS = 30.0
"""How often it is seen to that every runner is ready, also after what it is made of has changed."""

RETRY_SECONDS = 15.0
"""How soon a runner that cannot be made ready is tried again. Until then the agent takes no work: one
that fails whatever it is given, and fast, would draw all of a queue's work to itself."""

PREPARE_SECONDS = 600.0
"""How long making all of them ready may take at most: Airflow is imported, on a host that has much to do."""

Place = tuple[JobKind, RunnerName]


class Runners:
    """The runners of one agent. A job for another one is refused: such was not advertised.

    What runs locally must be ready, and so must ``default``, which jobs get that name no runner: or the
    agent takes no work at all. Any other runner that is not ready is only not advertised, so that no job
    that asks for it comes here. ``changed`` is called when :attr:`are_ready` or :attr:`advertised` changes.
    """

    def __init__(
        self,
        by_place: dict[Place, Runner],
        *,
        changed: Callable[[], None],
        default: RunnerName = RunnerName.LOCAL,
        board: StatusBoard | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._by_place = by_place
        self._needed = frozenset({RunnerName.LOCAL, default})
        self._changed = changed
        self._board = board or StatusBoard()
        self._sleep = sleep
        self._configured = asyncio.Event()
        self._complaints: dict[RunnerName, str] = {}
        self.are_ready = False
        """Whether a job could be started at once."""
        self.advertised: tuple[RunnerName, ...] = (RunnerName.LOCAL,)
        """The names of the runners that jobs may ask for."""

    def status(self) -> tuple[RunnerStatus, ...]:
        """Return how it stands with each, for people."""
        names = dict.fromkeys(name for _, name in self._by_place)
        return tuple(
            RunnerStatus(
                name=name.value,
                ready=name not in self._complaints and (self.are_ready or name not in self._needed),
                complaint=self._complaints.get(name),
            )
            for name in names
        )

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

    def environment_of_tasks(self) -> dict[str, str]:
        """Return what every task finds in its environment.

        :raises CannotStart: when this agent takes none, or does not know it yet.
        """
        runner = self.runner_for(JobKind.TASK, RunnerName.TMUX)
        assert isinstance(runner, TmuxRunner)  # noqa: S101  runners_of
        return runner.environment()

    async def run(self) -> None:
        """Keep all runners ready, for ever."""
        await self._configured.wait()
        while True:
            self._board.doing("runners", "seeing to it that jobs can be started", within_seconds=PREPARE_SECONDS)
            pause_seconds = KEEP_READY_SECONDS if await self._prepare() else RETRY_SECONDS
            await self._sleep(pause_seconds)

    async def close(self) -> None:
        """Give up what the runners hold. What they started goes on."""
        for runner in self._by_place.values():
            await runner.close()

    async def _prepare(self) -> bool:
        complaints: dict[RunnerName, str] = {}
        for (_, name), runner in self._by_place.items():
            try:
                await runner.prepare()
            except CannotStart as error:
                complaints.setdefault(name, str(error))
        self._tell(complaints)
        names = dict.fromkeys(name for _, name in self._by_place)
        are_ready = self._needed.isdisjoint(complaints)
        advertised = tuple(name for name in names if name is RunnerName.LOCAL or name not in complaints)
        if (are_ready, advertised) != (self.are_ready, self.advertised):
            self.are_ready, self.advertised = are_ready, advertised
            self._changed()
        return are_ready

    def _tell(self, complaints: dict[RunnerName, str]) -> None:
        """Log what is not ready: again and again where it keeps the agent from working, else once."""
        for name, complaint in complaints.items():
            if name in self._needed:
                logger.error("This host cannot start jobs now, and takes none: %s", complaint, extra=_NOT_READY)
            elif self._complaints.get(name) != complaint:
                logger.info("No jobs with the runner %r come here: %s", name.value, complaint, extra=_NOT_READY)
        self._complaints = complaints


_NOT_READY = {"event": "not_ready"}


def runners_of(
    settings: AgentSettings, kinds: tuple[JobKind, ...], counts: Counts | None = None
) -> dict[Place, Runner]:
    """Make the runners of an agent that takes these kinds of job."""
    by_place: dict[Place, Runner] = {}
    tmux, attempts = TmuxServer(settings.state_dir / "tmux"), settings.state_dir / "attempts"
    if JobKind.TASK in kinds:
        # Imported here: an agent without tasks stays smaller.
        from edge_agent.runners.task import TaskRunner, TmuxTaskRunner
        from edge_agent.task_host import way_of

        way = way_of(
            ca_file=settings.ca_file,
            client_cert_file=settings.client_cert_file,
            client_key_file=settings.client_key_file,
            proxy=settings.proxy,
        )
        by_place[JobKind.TASK, RunnerName.LOCAL] = TaskRunner(
            agent_name=settings.name,
            server=settings.execution_api,
            log=settings.state_dir / "task_host.log",
            way=way,
            task_logs=settings.task_logs,
            counts=counts,
        )
        by_place[JobKind.TASK, RunnerName.TMUX] = TmuxTaskRunner(
            tmux,
            attempts,
            agent_name=settings.name,
            execution_api=settings.execution_api,
            way=way,
            task_logs=settings.task_logs,
        )
    if JobKind.COMMAND in kinds:
        program = Program(settings.state_dir / "program")
        by_place[JobKind.COMMAND, RunnerName.LOCAL] = LocalRunner(program, attempts)
        by_place[JobKind.COMMAND, RunnerName.TMUX] = TmuxCommandRunner(tmux, attempts, program)
    return by_place
