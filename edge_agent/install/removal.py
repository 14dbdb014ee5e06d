"""Which steps take an agent off its host. What was there before it was installed stays, and so does what others use.

What if it dies here? The record of what was made goes last, so that the same command again goes on.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from edge_agent.attempt_dir import AttemptDir
from edge_agent.errors import CannotInstall
from edge_agent.install import contents
from edge_agent.install.host import Host
from edge_agent.install.layout import POLICY, Layout
from edge_agent.install.owned import WriteFile
from edge_agent.install.owner import as_owner_of
from edge_agent.install.plan import Plan
from edge_agent.install.record import Record
from edge_agent.install.soundness import neighbours
from edge_agent.install.steps import Remove, RemoveUser, Run, Step
from edge_agent.processes import send, sweep
from edge_agent.state_dir import StateDir
from edge_agent.tmux_server import TmuxServer

LEAVE_SECONDS = 60.0
"""How long an agent may take to leave: it ends its jobs, 10 s each, and says goodbye to a server that may be away."""

TELL_AGAIN_SECONDS = 0.5


@dataclass(frozen=True)
class Holdings:
    """What a state directory still holds: jobs that run, and ended ones whose results or logs nobody has yet."""

    running: int
    undelivered: int

    def __bool__(self) -> bool:
        return bool(self.running or self.undelivered)

    def __str__(self) -> str:
        return f"{self.running} running jobs and {self.undelivered} that the server was not told of"


@dataclass(frozen=True)
class StopAgent(Step):
    """Have the agent leave, whoever started it. ``jobs_live_on``: as before a restart; else they end with it."""

    state_dir: Path
    jobs_live_on: bool

    @property
    @override
    def title(self) -> str:
        return f"stop the agent of {self.state_dir}" + (
            "; its jobs live on" if self.jobs_live_on else ", and what it runs"
        )

    @override
    def due(self, host: Host, *, is_changed: bool) -> Sequence[str] | None:
        if not host.is_live:
            return None
        with as_owner_of(self.state_dir):
            is_there = StateDir(self.state_dir).holder() is not None
            leaves = held(self.state_dir).running or TmuxServer(StateDir(self.state_dir).tmux).runs()
        return [] if is_there or (leaves and not self.jobs_live_on) else None

    @override
    def do(self, host: Host) -> Sequence[str]:
        with as_owner_of(self.state_dir):
            self._have_it_leave()
            if not self.jobs_live_on:
                self._end_what_is_left()
        return ()

    def _have_it_leave(self) -> None:
        begun = time.monotonic()
        while (holder := StateDir(self.state_dir).holder()) is not None:
            if time.monotonic() - begun > LEAVE_SECONDS:
                msg = f"it did not leave within {LEAVE_SECONDS:.0f} s; look at its log"
                raise CannotInstall(msg)
            if holder.identity is not None:
                # A further SIGTERM is the agent's own word for: end what runs, and leave.
                send(holder.identity, signal.SIGUSR1 if self.jobs_live_on else signal.SIGTERM)
            time.sleep(TELL_AGAIN_SECONDS)

    def _end_what_is_left(self) -> None:
        """End what an agent has left that was not there to do it."""
        for attempt in _attempts(self.state_dir):
            if (identity := attempt.identity()) is None:
                continue
            try:
                sweep(identity)
            except PermissionError as error:
                msg = (
                    f"process {identity.pid} of {attempt.path}, or what it started, is another user's: end it if it is "
                    "a job's (sudo), or else remove that directory"
                )
                raise CannotInstall(msg) from error
        terminals = TmuxServer(StateDir(self.state_dir).tmux)
        if terminals.runs():
            terminals.ask("kill-server")


def make(host: Host, layout: Layout, *, keep_state: bool) -> Plan:
    """Return the plan.

    :raises CannotInstall: when nothing is installed there, or that cannot be told.
    """
    record = Record.read(host, layout)
    if record is None:
        msg = f"No agent is installed here: there is no {host.place(layout.record)}. What is made by hand goes by hand."
        raise CannotInstall(msg)
    steps = list(_steps(host, layout, record, keep_state=keep_state))
    return Plan(host, layout, steps, None, notes=list(_notes(host, layout, record, keep_state=keep_state)))


def held(state_dir: Path) -> Holdings:
    """Look at what a state directory holds.

    :raises CannotInstall: when it cannot be read.
    """
    try:
        identities = [attempt.identity() for attempt in _attempts(state_dir)]
    except (OSError, ValueError, TypeError) as error:
        msg = f"The state directory {state_dir} cannot be read: {error}"
        raise CannotInstall(msg) from error
    running = sum(identity is not None and identity.is_alive() for identity in identities)
    return Holdings(running, len(identities) - running)


def _attempts(state_dir: Path) -> list[AttemptDir]:
    attempts = StateDir(state_dir).attempts
    return [AttemptDir(each) for each in sorted(attempts.iterdir()) if each.is_dir()] if attempts.is_dir() else []


def _steps(host: Host, layout: Layout, record: Record, *, keep_state: bool) -> Iterator[Step]:
    made, state_dir = [Path(each) for each in record.made], Path(record.state_dir)
    yield from _unit_steps(host, layout, "disable", is_there=layout.unit_file in made)
    yield StopAgent(state_dir, jobs_live_on=keep_state)
    if host.is_live:  # It has left; this is for one that would be started again in a moment.
        yield from _unit_steps(host, layout, "stop", is_there=layout.unit_file in made)
    kept = {layout.folder, *({state_dir} if keep_state else ())}
    whole = {state_dir, layout.log_folder}
    for path in (each for each in reversed(made) if each not in kept | {POLICY}):
        yield Remove(path, if_empty=path not in whole and host.place(path).is_dir())
    if host.is_live and host.has_systemd:
        yield Run(tuple(host.systemctl("daemon-reload")), "systemd forgets its unit", after_change=True)
    if _may_go(host, layout):
        yield Remove(POLICY)
        yield Remove(POLICY.parent, if_empty=True)
    if keep_state:
        still = {state_dir, *state_dir.parents, *layout.folder.parents}
        left = Record(made=[str(path) for path in made if path in still], user=record.user, state_dir=str(state_dir))
        yield WriteFile(layout.record, 0o644, content=left.text)
        return
    if not _is_shared(host, layout, record.user):
        yield RemoveUser(record.user)
    yield Remove(layout.record)
    yield Remove(layout.folder, if_empty=True)
    for path in reversed([each for each in made if each in layout.folder.parents]):
        yield Remove(path, if_empty=True)


def _unit_steps(host: Host, layout: Layout, verb: str, *, is_there: bool) -> Iterator[Step]:
    """Return the step for systemctl. A unit that is gone needs none."""
    if is_there and host.has_systemd and (host.is_live or host.has("systemctl")):
        gone = ("test", "!", "-e", str(host.place(layout.unit_file)))
        words = tuple(host.systemctl(verb, "--quiet", layout.unit))
        yield Run(words, f"{verb} {layout.unit}", unless=gone)


def _may_go(host: Host, layout: Layout) -> bool:
    """Whether the policy is as an installation wrote it, maybe another's, and no other agent of the host obeys it."""
    file = host.place(POLICY)
    is_untouched = not file.exists() or file.read_bytes() == contents.POLICY.encode()
    return is_untouched and not any(neighbours(host, layout))


def _is_shared(host: Host, layout: Layout, user: str) -> bool:
    """Whether another agent of the host runs as the same user."""
    records = host.place(Path("/etc")).glob(f"{Layout().name}@*/{layout.record.name}")
    instances = [None, *(each.parent.name.partition("@")[2] for each in records)]
    others = [Record.read(host, Layout(each)) for each in instances if each != layout.instance]
    return any(other is not None and other.user == user for other in others)


def _notes(host: Host, layout: Layout, record: Record, *, keep_state: bool) -> Iterator[str]:
    state_dir = Path(record.state_dir)
    made = {*map(Path, record.made)}
    if keep_state:
        yield (
            f"Kept, with what it holds and the user who owns it: {state_dir}. `edge-agent install` goes on with it; "
            "`edge-agent uninstall` without --keep-state takes it away, too."
        )
    elif state_dir not in made and host.place(state_dir).exists():
        yield f"Kept, as it was there before: {state_dir}"
    if host.place(POLICY).exists() and not _may_go(host, layout):
        yield f"Kept, as somebody wrote it or another agent obeys it: {POLICY}"
    own = (layout.settings, layout.token, layout.environment, layout.unit_file)
    for path in (each for each in own if each not in made and host.place(each).exists()):
        yield f"Kept, as it was there before: {path}"
    yield "The program itself goes the way it came, such as with pip uninstall."
    if host.has_systemd:
        yield "The journal keeps the agent's log."


def holdings(host: Host, layout: Layout) -> Holdings:
    """Return what would be lost with the state directory of an installed agent.

    :raises CannotInstall: when that cannot be told.
    """
    record = Record.read(host, layout)
    return held(host.place(Path(record.state_dir))) if record else Holdings(0, 0)
