"""The agent's side of the task host: forks a supervisor per Airflow attempt, in milliseconds.

Importing Airflow costs seconds and a hundred megabytes. A *zygote*, a process of its own, pays that once
and forks; the agent itself stays small and never sees Airflow. A zygote is replaced when it died, when
the agent's settings for tasks changed, or when what it was made of did (``airflow.cfg``, plugins,
installed packages). The one before is let go when the next is warm, and ends with the last task it
started.

What if it dies here? The agent dies: the tasks go on, the next agent finds them by their attempt
directories. The zygote dies: the tasks go on, and record their own end. A task's supervisor is killed:
the zygote kills what is left of the task and records the signal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from edge_agent.attempt_dir import AttemptDir, Identity
from edge_agent.counts import Counts
from edge_agent.protocol import metrics
from edge_agent.task_host.errors import TaskHostError
from edge_agent.task_host.messages import NotStarted, Started
from edge_agent.task_host.stamps import changed
from edge_agent.task_host.zygote_process import ZygoteGone, ZygoteProcess

logger = logging.getLogger(__name__)

WARM_SECONDS = 180.0
"""How long a zygote may take to get warm: 4 s on a quiet machine, a minute on a slow disk."""

ANSWER_SECONDS = 60.0
"""How long a fork may take to answer: 10 ms, plus the flush of one small file on a busy disk."""

ATTEMPTS = 3
"""How many zygotes are tried for one attempt. Only one that died between question and answer costs a try."""

FAREWELL_SECONDS = 1.0
"""How long to wait for a zygote that has no children: a moment. One that has some is not waited for."""


class TaskHost:
    """Starts the supervisors of Airflow's tasks.

    :param python: absolute path of the interpreter that has Airflow and this package.
    :param environment: all of the tasks' environment, see :func:`.environment.task_environment`.
    :param log: file for what the zygote says; opened for appending.
    :param counts: what counts the zygotes and what they fork.
    """

    def __init__(self, *, python: str, environment: Mapping[str, str], log: Path, counts: Counts | None = None) -> None:
        self._python = python
        self._environment = dict(environment)
        self._log = log
        self._counts = counts or Counts()
        self._newest: ZygoteProcess | None = None
        self._before: ZygoteProcess | None = None
        """The one that was replaced, until the newest is warm: it is better than none."""
        self._let_go: list[ZygoteProcess] = []
        self._is_reconfigured = False

    @property
    def pid(self) -> int | None:
        """The newest zygote, for people; None when there is none, or it has stopped serving."""
        return self._newest.identity.pid if self._newest is not None and self._newest.serves else None

    async def start(self) -> None:
        """Start getting warm. Does not wait for it.

        :raises TaskHostError: when the interpreter cannot be run.
        """
        self._up_to_date()

    async def ready(self) -> None:
        """Wait until the next attempt would start at once, with all that holds now.

        :raises TaskHostError: when this host cannot run Airflow tasks; says what to do.
        """
        await self._warm()

    def configure(self, environment: Mapping[str, str]) -> None:
        """Give tasks this environment, from the next one on. The same again changes nothing."""
        if self._environment != dict(environment):
            self._environment = dict(environment)
            self._is_reconfigured = True

    async def spawn(self, attempt: AttemptDir, *, server: str, agent_name: str) -> Identity:
        """Start the supervisor of an attempt whose payload is written; return which process it is.

        The process may have ended by then. It has claimed the attempt.

        :param server: URL of the Execution API.
        :raises TaskHostError: when nothing was started, and nothing will be.
        """
        for _ in range(ATTEMPTS):
            zygote = await self._usable()
            try:
                answer = await self._ask(zygote, attempt, server, agent_name)
            except ZygoteGone:
                if attempt.claimed() is None:
                    continue  # Proven not to have started: nobody is left who could claim it.
                break
            if isinstance(answer, NotStarted):
                raise TaskHostError(answer.reason)
            self._counts.add(metrics.TASK_HOST_FORKS)
            return answer.identity
        identity = attempt.identity()
        if identity is None:
            msg = f"The task host died {ATTEMPTS} times when it was to start this. Its log is {self._log}."
            raise TaskHostError(msg)
        return identity

    async def stop(self) -> None:
        """Let the zygote go. It ends with the last task it started, which may be long after the agent."""
        self._release(self._newest)
        self._release(self._before)
        self._newest = self._before = None
        if self._let_go:
            ends = [asyncio.ensure_future(one.ended()) for one in self._let_go]
            await asyncio.wait(ends, timeout=FAREWELL_SECONDS)
        for zygote in self._let_go:
            await zygote.leave()
        self._let_go.clear()

    async def _usable(self) -> ZygoteProcess:
        """Return the zygote to ask: the newest, or the one before where that cannot be warm.

        In the middle of an upgrade, or with a slip in ``airflow.cfg``, :meth:`ready` says so and the
        agent takes no more work. What it has confirmed already had better run as tasks did before.
        """
        try:
            return await self._warm()
        except TaskHostError as error:
            if self._before is None or not self._before.serves:
                raise
            logger.warning("Using the task host from before: %s", error, extra={"event": "task_host_kept"})
            return self._before

    async def _warm(self) -> ZygoteProcess:
        zygote = self._up_to_date()
        try:
            async with asyncio.timeout(WARM_SECONDS):
                await zygote.ready()
        except TimeoutError:
            zygote.kill()
            limit = f"{WARM_SECONDS:g} s"
            msg = f"The task host was not warm after {limit} and was killed. Its log is {self._log}."
            raise TaskHostError(msg) from None
        if zygote is self._newest:
            self._release(self._before)
            self._before = None
        return zygote

    def _up_to_date(self) -> ZygoteProcess:
        """Return the newest zygote, after having replaced one that should not be it."""
        why = self._out_of_date()
        if self._newest is not None and why is None:
            return self._newest
        if self._newest is not None:
            logger.info("Replacing the task host: %s.", why, extra={"event": "task_host_replaced"})
            keeps = self._newest.serves and self._newest.answered is not None
            self._release(self._before if keeps else self._newest)
            self._before = self._newest if keeps else self._before
        self._newest = ZygoteProcess.start(python=self._python, environment=self._environment, log=self._log)
        self._counts.add(metrics.TASK_HOST_STARTS)
        self._is_reconfigured = False
        return self._newest

    def _out_of_date(self) -> str | None:
        """Return why the newest zygote should be replaced, or None."""
        if self._newest is None:
            return None
        if not self._newest.serves:
            return "it does not serve any more"
        if self._is_reconfigured:
            return "the settings for tasks changed"
        answered = self._newest.answered
        path = changed(answered.made_of) if answered is not None else None
        return f"{path} changed" if path else None

    def _release(self, zygote: ZygoteProcess | None) -> None:
        if zygote is not None:
            zygote.let_go()
            self._let_go = [one for one in self._let_go if not one.is_over] + [zygote]

    async def _ask(self, zygote: ZygoteProcess, attempt: AttemptDir, server: str, agent: str) -> Started | NotStarted:
        answer = asyncio.ensure_future(zygote.ask(attempt=attempt.path, server=server, agent=agent))
        try:
            await asyncio.wait({answer}, timeout=ANSWER_SECONDS)
            if not answer.done():
                # It hangs. Once it is dead the stream ends, and with it every doubt about what was started.
                zygote.kill()
            return await answer
        finally:
            answer.cancel()
