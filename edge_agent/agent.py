"""The agent: takes stock, registers, starts its loops, waits, drains, leaves.

Every loop has a file of its own; this one says how they hang together, and nothing else. A loop that
fails ends the agent: what runs goes on without it, and the next start finds everything again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from pydantic import SecretStr

from edge_agent import farewell
from edge_agent.capabilities import detect_kinds
from edge_agent.client import QueueClient
from edge_agent.contact import Contact
from edge_agent.counts import Counts
from edge_agent.directives import Obedience
from edge_agent.drain import Drain
from edge_agent.ended_jobs import EndedJobs
from edge_agent.errors import SettingsError, cause_of
from edge_agent.health import measure
from edge_agent.heartbeat import Heartbeat, Pulse
from edge_agent.holdings import Holdings
from edge_agent.intake import Intake
from edge_agent.introduction import Introduction
from edge_agent.kept import KeptAttempts
from edge_agent.log_sender import LogSender
from edge_agent.logs import Redactor
from edge_agent.loop_lag import LoopLag
from edge_agent.means import Means
from edge_agent.policy.policy import Policy
from edge_agent.polling import Polling
from edge_agent.protocol import Registration, RunnerName, Session
from edge_agent.readings import Readings
from edge_agent.recovery import recover
from edge_agent.renewal import Renewal
from edge_agent.reporting import Reporting
from edge_agent.retry import Asker
from edge_agent.runners.registry import Runners, runners_of
from edge_agent.server_keys import UNSIGNED, ServerKeys
from edge_agent.sessions import SETTLING_SECONDS, Sessions
from edge_agent.settings import AgentSettings
from edge_agent.spool import Spool
from edge_agent.state_dir import StateDir
from edge_agent.status.board import StatusBoard
from edge_agent.status.display import Display
from edge_agent.status.survey import Survey
from edge_agent.task_logs import TaskLogs

logger = logging.getLogger(__name__)


class Agent:
    """One agent of one state directory. :meth:`run` is its life."""

    def __init__(
        self, settings: AgentSettings, policy: Policy, state_dir: StateDir, client: QueueClient, redactor: Redactor
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._state_dir = state_dir
        self._client = client
        self._redactor = redactor
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server_keys = ServerKeys(state_dir.server_keys_file, settings.server_key)
        self._board, self._contact, self._counts = StatusBoard(), Contact(), Counts()
        self._lag = LoopLag(self._board)
        self._holdings = Holdings(settings.slots, self._spawn)
        self._drain = Drain(self._holdings)
        self._obedience = Obedience(self._holdings, self._drain, slots=settings.slots, changed=self._board.changed)
        self._runners = self._make_runners()
        self._introduction = Introduction(settings, self._runners, self._holdings)
        self._sessions = Sessions(
            client,
            Asker(self._contact, self._counts),
            token=self._token,
            registration=self._introduction.registration,
            opened=self._opened,
            board=self._board,
            settling_seconds=SETTLING_SECONDS + settings.cancel_grace_seconds,
        )
        self._kept = KeptAttempts.of(settings, state_dir.kept, self._board)
        self._spool = self._make_spool()
        self._task_logs = TaskLogs.of(settings, state_dir.path, self._runners.environment_of_tasks, self._board)
        self._reporting = Reporting(self._sessions, client, self._board)
        self._renewal = Renewal(self._sessions, client, self._holdings, self._board)
        self._means = self._make_means()
        self._intake = Intake(
            self._sessions, client, self._holdings, state_dir, self._means, server_keys=self._server_keys
        )
        survey = self._make_survey()
        readings = Readings(survey, self._counts, self._lag, self._reporting)
        self._pulse = self._make_pulse(readings)
        self._heartbeat = Heartbeat(
            self._sessions, client, pulse=self._pulse, obedience=self._obedience, board=self._board
        )
        self._polling = self._make_polling()
        self._display = Display(survey, readings)

    async def run(self) -> None:
        """Work until drained, then leave.

        :raises Superseded: when another process took this agent's name.
        :raises ProblemAnswer: when the server refuses this agent.
        :raises ForeignServer: when the server is not the one that this host knows.
        :raises SettingsError: when the token cannot be read any more, or the address for probes cannot be had.
        :raises ExceptionGroup: for a defect of a loop.
        """
        logger.info("Agent %s starts, for %s.", self._settings.name, self._settings.url, extra={"event": "starting"})
        why = "it was interrupted"
        try:
            await self._display.open()
            async with self._group:
                self._spawn(self._display.open_socket())
                self._take_stock()
                for name, loop in self._loops().items():
                    self._board.watch(name, self._spawn(loop))
                await self._drain.finished()
                await self._let_go()
                await farewell.say(self._sessions, self._holdings, self._pulse)
            why = "it left as it was told to"
        except SettingsError as error:
            why = str(error)
            raise
        except ExceptionGroup as group:
            why = str(cause_of(group))
            raise cause_of(group) from group
        finally:
            await self._runners.close()
            self._display.close(why)

    def drain(self) -> None:
        """Take no new work, and leave when what runs is done."""
        self._drain.ask(self._settings.drain_timeout_seconds)

    def hand_over(self) -> None:
        """Leave at once; what runs goes on, for the agent that asked for this place."""
        logger.info("Handing over to the next agent of this host.", extra={"event": "handing_over"})
        self._drain.ask(0)

    def end_all(self) -> None:
        """End what runs, and leave when that is done."""
        logger.warning("Told to stop again: ending what runs.", extra={"event": "ending_all"})
        self._holdings.end_all("shutdown")

    def _loops(self) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "session": self._sessions.run(),
            "heartbeat": self._heartbeat.run(),
            "polling": self._polling.run(),
            "reporting": self._reporting.run(),
            "renewal": self._renewal.run(),
            "runners": self._runners.run(),
            "kept": self._kept.run(),
            "spool": self._spool.run(),
            "task logs": self._task_logs.run(),
            "event loop": self._lag.run(),
            "status": self._display.run(),
        }

    def _take_stock(self) -> None:
        """Find what an earlier agent left, and see to it. It is declared when the session is opened."""
        found = recover(self._state_dir.attempts, self._means)
        for assignment in found.never_started:
            self._holdings.add(assignment)
        for assignment in found.started:
            self._holdings.add(assignment)
            self._holdings.see_to(assignment, assignment.adopt())

    async def _opened(self, session: Session, registration: Registration) -> None:
        """Settle what a new session begins with, before anything is offered in it.

        :raises ForeignServer: when it is another server's; then nothing that this one wants is done.
        """
        self._redactor.hide(session.token)
        await asyncio.to_thread(self._server_keys.meet, session.server_keys)
        logger.info(
            "Registered for %s, with %d slots; %d jobs are held, %d never started.",
            ", ".join(registration.queues),
            registration.slots,
            len(registration.held),
            len(registration.never_started),
            extra={"event": "registered", "session_id": session.session_id},
        )
        if not session.server_keys:
            logger.warning("%s", UNSIGNED, extra={"event": "unsigned"})
        await self._holdings.discard(registration.never_started)
        self._runners.configure(session.airflow)
        self._pulse.begin(registration.capabilities)
        if dropping := self._obedience.apply(session.directives):
            await asyncio.wait(dropping)
        self._board.changed()

    async def _let_go(self) -> None:
        """Stop all tasks. Processes are not touched."""
        self._board.leave()
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _token(self) -> SecretStr:
        token = self._settings.read_token()
        self._redactor.hide(token.get_secret_value())
        return token

    def _free_slots(self) -> int:
        may_take = self._intake.is_fit and self._runners.are_ready and not self._drain.is_on
        return self._holdings.free_slots if may_take else 0

    def _make_runners(self) -> Runners:
        kinds = self._policy.kinds(detect_kinds(self._settings), is_asked=self._settings.kinds != "auto")
        by_place = runners_of(self._settings, kinds, self._counts)
        return Runners(by_place, changed=self._changed, default=RunnerName(self._settings.runner), board=self._board)

    def _make_spool(self) -> Spool:
        return Spool(
            self._holdings.logs,
            megabytes=self._settings.spool_megabytes,
            free_bytes=self._state_dir.free_bytes,
            changed=self._board.changed,
            board=self._board,
            counts=self._counts,
        )

    def _make_pulse(self, readings: Readings) -> Pulse:
        return Pulse(
            held=self._holdings.held,
            free_slots=self._free_slots,
            health=lambda: measure(self._state_dir),
            capabilities=self._introduction.capabilities,
            figures=readings.figures,
            figures_seconds=lambda: self._obedience.current.figures_seconds,
        )

    def _make_polling(self) -> Polling:
        return Polling(
            self._sessions,
            self._client,
            holdings=self._holdings,
            intake=self._intake,
            pulse=self._pulse,
            obedience=self._obedience,
            board=self._board,
            free_slots=self._free_slots,
        )

    def _make_survey(self) -> Survey:
        return Survey(
            settings=self._settings,
            policy=self._policy,
            state_dir=self._state_dir,
            board=self._board,
            contact=self._contact,
            sessions=self._sessions,
            holdings=self._holdings,
            drain=self._drain,
            obedience=self._obedience,
            intake=self._intake,
            runners=self._runners,
            spool=self._spool,
            redactor=self._redactor,
            free_slots=self._free_slots,
        )

    def _make_means(self) -> Means:
        sender = LogSender(self._sessions, self._client, self._counts)
        return Means(
            admit=self._policy.admit,
            runner_for=self._runners.runner_for,
            send_log=sender.send,
            log_chunk_bytes=sender.chunk_bytes,
            report=self._reporting.deliver,
            task_logs=self._task_logs,
            dispose=self._kept.dispose,
            ended=EndedJobs(self._state_dir.ended_jobs_file),
            cancel_grace_seconds=self._settings.cancel_grace_seconds,
            spawn=self._spawn,
            changed=self._changed,
            default_runner=RunnerName(self._settings.runner),
            counts=self._counts,
        )

    def _changed(self) -> None:
        self._holdings.changed()
        self._board.changed()
