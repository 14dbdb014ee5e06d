"""How a running task gets a new execution token: two files in its attempt directory.

The task's supervisor holds the token and no credential of the agent's; the agent speaks to the queue API
and knows nothing of the task. So the supervisor leaves a mark, ``token.wanted``, and the agent that finds
it puts the answer into ``token.json``. Both are files, so that either side may be started anew between.

What if it dies here? The agent, before it wrote the answer: the mark stays, and the next agent finds it.
After it, before it removed the mark: it asks once more, and a newer token replaces the other. The
supervisor, before it took the token: the file goes with the attempt, or at its end.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from edge_agent.attempt_dir import AttemptDir

TOKEN = "token.json"  # noqa: S105  the name of a file
MARK = "token.wanted"


@dataclass(frozen=True)
class Refusal:
    """There is no new token, and why."""

    why: str


class FreshToken:
    """Where one attempt asks for a new token and finds it. Cheap to make: nothing is read before it is asked for."""

    def __init__(self, attempt: AttemptDir) -> None:
        self._attempt = attempt
        self._mark = attempt.path / MARK
        self._token = attempt.path / TOKEN

    # What the task's supervisor does.

    def want(self) -> None:
        """Leave the mark. Asked again while it is there, do nothing.

        :raises OSError: when the disk does not take it.
        """
        self._mark.touch(mode=0o600)

    def take(self) -> str | Refusal | None:
        """Return the token, which is then gone from the disk, or that there is none, or None: no answer yet."""
        content = self._attempt.read(TOKEN)
        if content is None:
            return None
        self._token.unlink(missing_ok=True)
        token: str | None = content.get("token")
        return Refusal(str(content.get("refusal"))) if token is None else token

    # What the agent does.

    def is_wanted(self) -> bool:
        """Whether the mark is there."""
        return self._mark.exists()

    def put(self, token: str) -> None:
        """Answer with a token (0600, whole or not at all).

        :raises OSError: when it cannot be written; then the mark stays.
        """
        self._attempt.write(TOKEN, {"token": token})
        self._mark.unlink(missing_ok=True)

    def refuse(self, why: str) -> None:
        """Answer that there is none.

        :raises OSError: as :meth:`put`.
        """
        self._attempt.write(TOKEN, {"refusal": why})
        self._mark.unlink(missing_ok=True)

    # What either does when it is over.

    def forget(self) -> None:
        """Remove both: what lies there was asked for earlier, or nobody needs it any more."""
        for file in (self._token, self._mark):
            with suppress(OSError):
                file.unlink(missing_ok=True)
