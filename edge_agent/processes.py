"""One process of a job: noticing its end, and ending it with everything it started.

Works for processes that are not our children: adopted after a restart, or forked by the task host. Never
a signal to a pid that may be somebody else's by now: a pidfd pins the process, and its identity is
compared after it was pinned.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import psutil

from edge_agent.attempt_dir import Identity

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 0.5
"""How often an end is looked for where the system has no pidfd (not Linux, or forbidden)."""

UNKILLABLE_SECONDS = 30.0
"""How often a log line says that a process outlives SIGKILL: it hangs in the kernel, mostly on a disk."""


class Process:
    """The leader of a job's session. ``own_child``: we started it, so we must reap it."""

    def __init__(
        self,
        identity: Identity,
        *,
        own_child: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.identity = identity
        self.own_child = own_child
        self._sleep = sleep
        self._watching: asyncio.Task[None] | None = None
        self._status: int | None = None

    @property
    def died_of(self) -> int | None:
        """The signal that ended it; None when it exited, or when only its real parent was told."""
        if self._status is None or not os.WIFSIGNALED(self._status):
            return None
        return os.WTERMSIG(self._status)

    async def ended(self) -> None:
        """Wait for its end, and reap it if it is ours."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name=f"process {self.identity.pid}")
        await asyncio.shield(self._watching)

    async def end(self, grace_seconds: float) -> None:
        """End it: SIGTERM to the leader, time to tidy up, then SIGKILL to all it has left.

        Returns when the leader is gone. Asked again while it ends, it does the same again.
        """
        victims = family_of(self.identity)
        send(self.identity, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self.ended()
        sweep(self.identity, victims)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(UNKILLABLE_SECONDS):
                    await self.ended()
                return
            logger.error(
                "Process %d outlives SIGKILL; it hangs in the kernel, look at this host's disks and mounts.",
                self.identity.pid,
                extra={"event": "process_unkillable"},
            )

    async def _watch(self) -> None:
        handle = _pin(self.identity)
        if handle is not None:
            try:
                await _readable(handle)
            finally:
                os.close(handle)
        while self.identity.is_alive():  # no pidfd on this system, or none to be had just now
            await self._sleep(LOOK_AGAIN_SECONDS)
        self._reap()

    def _reap(self) -> None:
        if self.own_child:
            with suppress(ChildProcessError):
                _, self._status = os.waitpid(self.identity.pid, os.WNOHANG)


def sweep(leader: Identity, known: Iterable[Identity] = ()) -> None:
    """SIGKILL what is left of a session, what that has started, and what is ``known`` besides.

    What starts a session of its own (Airflow's Bash operator does) is found by its descent, so it must
    have been looked for while its parent lived: that is ``known``.
    """
    victims = {*known, *family_of(leader)}
    if killed := sum(send(victim, signal.SIGKILL) for victim in victims):
        logger.info("Killed %d processes left by process %d.", killed, leader.pid, extra={"event": "processes_killed"})


async def _readable(handle: int) -> None:
    """Wait until a pidfd is readable, which it is when its process has ended."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(handle, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(handle)


def _pin(identity: Identity) -> int | None:
    """Return a pidfd of this very process, or None when it is gone or the system gives none."""
    try:
        handle = os.pidfd_open(identity.pid)
    except (AttributeError, OSError):
        return None
    if identity.is_alive():
        return handle
    os.close(handle)
    return None


def send(identity: Identity, number: signal.Signals) -> bool:
    """Send a signal to this very process; return whether it was there to get it.

    :raises PermissionError: when it belongs to another user.
    """
    handle = _pin(identity)
    try:
        if handle is not None:
            signal.pidfd_send_signal(handle, number)
            return True
        if not identity.is_alive():
            return False
        os.kill(identity.pid, number)  # without pidfd: the moment since the comparison is all there is
    except ProcessLookupError:
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def family_of(leader: Identity) -> set[Identity]:
    """Return the leader if it lives, the other members of its session, and all these have started.

    A session is told by its leader's pid. That pid may be another process's by now; then the session of
    that number is that process's, and none of ours.
    """
    if _is_somebody_else(leader):
        return set()
    parents: dict[int, int] = {}
    members = {leader.pid}
    for pid in psutil.pids():
        with suppress(ProcessLookupError, psutil.NoSuchProcess, PermissionError, psutil.AccessDenied):
            parents[pid] = psutil.Process(pid).ppid()
            if os.getsid(pid) == leader.pid:
                members.add(pid)
    family = members | {pid for pid in parents if _descends(pid, members, parents)}
    identities = set()
    for pid in family - {os.getpid()}:
        with suppress(ProcessLookupError):
            identities.add(Identity.of(pid))
    return identities


def _descends(pid: int, ancestors: set[int], parents: dict[int, int]) -> bool:
    seen: set[int] = set()
    while pid in parents and pid not in seen:
        seen.add(pid)
        pid = parents[pid]
        if pid in ancestors:
            return True
    return False


def _is_somebody_else(identity: Identity) -> bool:
    """Whether that pid is another process now. One that ended and was not reaped yet is still itself."""
    try:
        return Identity.of(identity.pid) != identity
    except ProcessLookupError:
        return False
