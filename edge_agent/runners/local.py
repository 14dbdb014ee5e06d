"""Commands as processes of this host: a session of their own, output to the attempt directory.

The process is a small wrapper (:mod:`edge_agent.runners.wrapper`) that outlives the agent, so that
neither output nor exit code depends on the agent being there.
"""

from __future__ import annotations

import os

from typing_extensions import override

from edge_agent.attempt_dir import AttemptDir, Identity
from edge_agent.errors import CannotStart
from edge_agent.runners.command import CommandRunner, environment_for_jobs


class LocalRunner(CommandRunner):
    """Runs command jobs."""

    @override
    async def start(self, attempt: AttemptDir) -> Identity:
        words = self.wrapper_of(attempt)
        try:
            # Not subprocess: that keeps an object per child, and this child may outlive us. Every other
            # handle of ours is closed by exec.
            pid = os.posix_spawn(  # noqa: ASYNC221  a millisecond
                words[0],
                words,
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

    @property
    @override
    def starts_own_children(self) -> bool:
        return True
