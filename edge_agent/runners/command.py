"""What a command job is, the same wherever on the host it runs."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import override

from edge_agent.attempt_dir import AttemptDir
from edge_agent.errors import CannotStart
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
    ``streams``: whether its log tells standard output from standard error.
    """

    model_config = ConfigDict(extra="ignore")

    command: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]
    env: dict[str, str] = {}
    cwd: str | None = None
    run_as_user: Annotated[str, Field(min_length=1)] | None = None
    shell: Shell | None = None
    timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    streams: Streams = Streams.TOGETHER

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
    """Runs command jobs by the wrapper. Where, says who derives from it."""

    @override
    def log_of(self, payload: dict[str, Any]) -> str:
        command = CommandPayload.read(payload)
        if command.run_as_user is not None:
            check_account(command.run_as_user)
        return "output.log"


def wrapper_of(attempt: AttemptDir) -> list[str]:
    """Return the command line of the process that is a command job."""
    # -P: the directory the agent was started in is no place to import from.
    return [sys.executable, "-P", "-m", "edge_agent.runners.wrapper", str(attempt.path)]


def environment_for_jobs() -> dict[str, str]:
    """Return the agent's environment without its own settings: one of them is its token."""
    return {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
