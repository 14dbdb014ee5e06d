"""The warm process that forks a supervisor per attempt, and knows nothing of Airflow itself.

One thread, one selector: it hears the agent, forks, and reaps. What a child could not record about its
own end, because it was killed, the zygote records.

What if it dies here? Its children go on: each leads a session of its own and records its own end. The
agent sees the end of the stream and starts another zygote for the next attempt; a child that is killed
afterwards leaves no record, which the agent takes for what it is.

What if the agent dies? The stream ends: no new work is taken, the children are reaped and recorded,
and with the last of them the zygote ends.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from edge_agent.attempt_dir import AttemptDir, Identity, Result
from edge_agent.processes import sweep
from edge_agent.task_host.messages import Message, NotStarted, Spawn, decode, encode

logger = logging.getLogger(__name__)

RECORD_AGAIN_SECONDS = 1.0
"""How long to wait before an end is recorded again that a full disk did not take."""

NEVER_BEGAN = "It ended before it began, was no longer wanted, or runs already."

Become = Callable[[Spawn, socket.socket], NoReturn]
"""What a forked child does with the rest of its life."""


class Zygote:
    """Serves one agent over one stream socket until that is gone and the last child has ended."""

    def __init__(self, channel: socket.socket, become: Become, *, fork: Callable[[], int] = os.fork) -> None:
        self._channel = channel
        self._become = become
        self._fork = fork
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, Spawn] = {}
        self._unrecorded: list[tuple[AttemptDir, Result]] = []
        self._woken, self._waker = socket.socketpair()
        self._heard = b""
        self._retired = False

    def serve(self) -> None:
        """Serve. Returns when no more work can come and all that came is over."""
        with self._woken_by_signals():
            self._selector.register(self._channel, selectors.EVENT_READ, self._hear)
            self._selector.register(self._woken, selectors.EVENT_READ, self._wake)
            while not self._retired or self._children or self._unrecorded:
                patience = RECORD_AGAIN_SECONDS if self._unrecorded else None
                for key, _ in self._selector.select(patience):
                    key.data()
                self._unrecorded = [one for one in self._unrecorded if not record(*one)]

    def say(self, message: Message) -> None:
        """Tell the agent, if it is still there."""
        with suppress(OSError):
            self._channel.sendall(encode(message))

    @contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        """Make each signal a readable socket: nothing happens in the middle of something else."""
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _only_wake_up)
        signal.signal(signal.SIGTERM, _only_wake_up)
        try:
            yield
        finally:
            self._sleep_through_signals()

    def _hear(self) -> None:
        if self._retired:
            return  # By the signal that came in the same moment.
        try:
            data = self._channel.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self._retire()
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            message = decode(line)
            if isinstance(message, Spawn):
                self._spawn(message)

    def _retire(self) -> None:
        """Take no more work. The socket stays open: its end tells the agent that all is over."""
        if not self._retired:
            self._retired = True
            self._selector.unregister(self._channel)

    def _spawn(self, wanted: Spawn) -> None:
        try:
            pid = self._fork()
        except OSError as error:
            self.say(NotStarted(wanted.number, f"The host could not start a process: {error.strerror}."))
            return
        if pid == 0:
            self._forget_the_zygote()
            self._become(wanted, self._channel)
        self._children[pid] = wanted

    def _sleep_through_signals(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        self._woken.close()
        self._waker.close()

    def _forget_the_zygote(self) -> None:
        """Let go, in a child, of what is the zygote's. All but the channel, which is to answer on."""
        self._sleep_through_signals()
        # Not unregister(): the epoll set behind the selector is shared with the zygote.
        self._selector.close()

    def _wake(self) -> None:
        if signal.SIGTERM in self._woken.recv(4096):
            # The agent has to see it, or it would ask for work and wait for ever. Only closed, not shut
            # down: a child that has yet to answer still can.
            self._retire()
            self._channel.close()
        self._reap()

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            # Looked at before it is reaped: as long as it is there, its pid is nobody else's.
            while dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                self._bury(dead)
                os.waitpid(dead.si_pid, 0)

    def _bury(self, dead: os.waitid_result) -> None:
        wanted = self._children.pop(dead.si_pid, None)
        if wanted is None:
            return
        attempt = AttemptDir(Path(wanted.attempt))
        leader = Identity.of(dead.si_pid)
        is_its_process = attempt.identity() == leader
        if is_its_process and attempt.result() is not None:
            return
        # What it left must not run on unwatched: Airflow is about to be told that the task failed.
        sweep(leader)
        if is_its_process:
            self._unrecorded.append((attempt, _result_of(dead)))
        else:
            self.say(NotStarted(wanted.number, NEVER_BEGAN))


def record(attempt: AttemptDir, result: Result) -> bool:
    """Record an end; return whether that is done with. A full disk must not cost it."""
    try:
        attempt.write_result(result)
    except FileNotFoundError:
        return True  # The agent has dropped the attempt meanwhile, directory and all.
    except OSError:
        logger.exception("Could not record the end of %s, will try again.", attempt.path)
        return False
    return True


def _result_of(dead: os.waitid_result) -> Result:
    if dead.si_code == os.CLD_EXITED:
        message = f"Its supervisor ended with exit code {dead.si_status} and left no record of how."
        return Result(exit_code=dead.si_status or 1, message=message)
    return Result(
        exit_code=None,
        signal=dead.si_status,
        message=f"Its supervisor was killed by signal {dead.si_status}.",
    )


def _only_wake_up(_number: int, _frame: FrameType | None) -> None:
    """Let the signal's number be written to the wakeup socket."""
