"""What a command job is, the same wherever on the host it runs."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import override

from edge_agent.attempt_dir import AttemptDir
from edge_agent.errors import CannotStart
from edge_agent.program import Program
from edge_agent.protocol.shells import Shell
from edge_agent.protocol.streams import Streams
from edge_agent.runners.account import check_account
from edge_agent.runners.base import Runner
from edge_agent.settings import ENV_PREFIX


class CommandPayload(BaseModel):
    """What a command job is. What a newer server adds is ignored.

    ``command``: a list is run as it is, a text by ``shell``, which is ``/bin/sh`` unless it is named. ``env``:
    added to the environment of the agent. ``cwd``: the home directory unless given, ``/`` where there is none.
    ``run_as_user``: the user of the host it runs as, who gets an environment and a home of his own; only an agent
    of root can do that. ``timeout_seconds``: how long it may run; the host's policy may say less, never more.
    ``streams``: whether its log tells standard output from standard error. ``traceparent``: the trace of the task
    that it is for.
    """

    model_config = ConfigDict(extra="ignore")

    command: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]
    env: dict[str, str] = {}
    cwd: str | None = None
    run_as_user: Annotated[str, Field(min_length=1)] | None = None
    shell: Shell | None = None
    timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    streams: Streams = Streams.TOGETHER
    traceparent: str | None = None

    @model_validator(mode="after")
    def _has_a_shell_only_for_a_text(self) -> Self:
        if self.shell is not None and not isinstance(self.command, str):
            msg = "a list of words is run as it is, without a shell"
            raise ValueError(msg)
        return self

    @classmethod
    def read(cls, payload: dict[str, Any]) -> CommandPayload:
        """Read what was confirmed.

        :raises CannotStart: when it is no command; says why.
        """
        try:
            return cls.model_validate(payload)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'shell'}: {fault['msg']}" for fault in error.errors()
            )
            msg = f"The command cannot be read: {faults}."
            raise CannotStart(msg) from error


class CommandRunner(Runner):
    """Runs command jobs by the wrapper, out of the agent's copy of its own program. Where, says who derives from it.

    ``attempts``: where the attempt directories are: as long as there is one, something may run from an older copy.
    """

    def __init__(self, program: Program, attempts: Path) -> None:
        self._program = program
        self._attempts = attempts

    @override
    async def prepare(self) -> None:
        try:
            await asyncio.to_thread(self._keep_program)
        except OSError as error:
            msg = f"The agent cannot keep a copy of its own program in its state directory: {error.strerror or error}."
            raise CannotStart(msg) from error

    def wrapper_of(self, attempt: AttemptDir) -> list[str]:
        """Return the command line of the process that is a command job.

        :raises CannotStart: when the agent never was ready for one.
        """
        if self._program.directory is None:
            msg = "The agent has no copy of its own program yet: it never was ready to run commands."
            raise CannotStart(msg)
        # -P: the directory the agent was started in is no place to import from.
        return [sys.executable, "-P", str(self._program.directory), str(attempt.path)]

    def _keep_program(self) -> None:
        self._program.keep(in_use=any(self._attempts.iterdir()))

    @override
    def log_of(self, payload: dict[str, Any]) -> str:
        command = CommandPayload.read(payload)
        if command.run_as_user is not None:
            check_account(command.run_as_user)
        return "output.log"


def environment_for_jobs() -> dict[str, str]:
    """Return the agent's environment without its own settings: one of them is its token."""
    return {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
