"""Commands as processes of this host: a session of their own, output to the attempt directory.

The process is a small wrapper (:mod:`edge_agent.runners.wrapper`) that outlives the agent, so that
neither output nor exit code depends on the agent being there.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import override

from edge_agent.attempt_dir import AttemptDir, Identity
from edge_agent.errors import CannotStart
from edge_agent.runners.base import Runner
from edge_agent.settings import ENV_PREFIX


class CommandPayload(BaseModel):
    """What a command job is. What a newer server adds is ignored.

    ``command``: a list is run as it is, a text by ``/bin/sh -c``. ``env``: added to the environment of
    the agent. ``cwd``: the home directory unless given.
    """

    model_config = ConfigDict(extra="ignore")

    command: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]
    env: dict[str, str] = {}
    cwd: str | None = None


class LocalRunner(Runner):
    """Runs command jobs."""

    @override
    async def start(self, attempt: AttemptDir) -> Identity:
        try:
            # Not subprocess: that keeps an object per child, and this child may outlive us. Every other
            # handle of ours is closed by exec.
            pid = os.posix_spawn(  # noqa: ASYNC221  a millisecond
                sys.executable,
                [sys.executable, "-P", "-m", "edge_agent.runners.wrapper", str(attempt.path)],
                environment_for_jobs(),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (
                        os.POSIX_SPAWN_OPEN,
                        1,
                        str(attempt.output),
                        os.O_WRONLY | os.O_CREAT | os.O_APPEND,
                        0o600,
                    ),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ],
                setsid=True,
            )
        except OSError as error:
            msg = f"The host could not start a process: {error.strerror}."
            raise CannotStart(msg) from error
        return Identity.of(pid)

    @override
    def log_of(self, payload: dict[str, Any]) -> str:
        try:
            CommandPayload.model_validate(payload)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            msg = f"The command cannot be read: {faults}."
            raise CannotStart(msg) from error
        return "output.log"

    @property
    @override
    def starts_own_children(self) -> bool:
        return True


def environment_for_jobs() -> dict[str, str]:
    """Return the agent's environment without its own settings: one of them is its token."""
    return {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
