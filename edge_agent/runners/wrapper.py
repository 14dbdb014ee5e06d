"""The process that is a command job: claims the attempt, runs the command, records how it ended.

Run as ``python <copy of the program> <attempt directory>`` (:mod:`edge_agent.program`), in an OS session of
its own, its output to the attempt's file; what the command says it takes there, too. It imports next to nothing: it
starts once per job, and stays as long as the job. The command gets a process group, a umask of 022, the
limits of the host's policy and, where it is to have one, a user of its own; the wrapper stays the agent's
user, so that the attempt directory does.

What if it dies here? Before the claim: nothing was started. After it: the agent finds the claim
without a result, kills what is left of the session and reports that. What if its terminal goes away
(somebody killed the tmux session or the server)? The command is ended, and the result says why.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from edge_agent.attempt_dir import AttemptDir, Identity, Result
from edge_agent.policy import limits
from edge_agent.runners import privileges, shells, terminal
from edge_agent.runners.account import Account
from edge_agent.runners.output import AS_THEY_ARE, Output, Way

NOT_FOUND = 127
"""Exit code for a program that is not there, as shells have it."""

NOT_RUNNABLE = 126
"""Exit code for a program, or a working directory, that cannot be used; as shells have it."""

UMASK = 0o022
"""Of every command, however the agent was started. A command that wants another sets it."""

WRITE_AGAIN_SECONDS = 1.0

HANGUP_GRACE_SECONDS = 10
"""How long a command may take to end when its terminal is gone, before everything of it is killed."""

_PYTHONS = {signal.SIGPIPE, signal.SIGXFSZ}
"""What Python itself ignores, and gives back to what it starts."""

HUNG_UP = "Its tmux session was killed, or the whole tmux server; it was ended with it."


class Command:
    """The command of one attempt, and the one place that signals go to."""

    def __init__(self, attempt: AttemptDir) -> None:
        self._attempt = attempt
        self._has_terminal = terminal.has_terminal()
        self._process: subprocess.Popen[bytes] | None = None
        self._asked_by = 0
        self._ways = AS_THEY_ARE
        self._family: set[Identity] = set()

    @property
    def _is_hung_up(self) -> bool:
        return self._asked_by == signal.SIGHUP

    def take_signals(self) -> None:
        """Take what asks for an end. Without a terminal nothing hangs up.

        A command is not to be deaf to what the agent was started to ignore, as `nohup` does with SIGHUP.
        """
        for number in signal.valid_signals() - _PYTHONS:
            if signal.getsignal(number) is signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGTERM, signal.SIGINT, *[signal.SIGHUP] * self._has_terminal):
            signal.signal(number, self._asked_to_end)

    def run(self, payload: dict[str, Any]) -> Result:
        """Run the command to its end. Its output goes where the wrapper's goes, through pipes."""
        self._ways = _ways_of(payload)
        if self._asked_by:
            return Result(exit_code=None, signal=self._asked_by, message="It was asked to end before it began.")
        output = Output(file=1, ways=self._ways)
        try:
            self._process = self._start(payload, output.command_ends)
        except (LookupError, OSError, ValueError) as error:
            exit_code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUNNABLE
            return Result(exit_code=exit_code, message=f"It could not be run: {error}")
        output.begin()
        if self._asked_by:  # before there was a process to pass it on to
            self._pass_on()
        is_woven = self._ways is not AS_THEY_ARE
        with terminal.shown(self._attempt.output, is_woven=is_woven) if self._has_terminal else nullcontext():
            returncode = self._process.wait()
            was_hung_up = self._is_hung_up
            output.finish()
        if self._has_terminal:
            terminal.take_back()
        if was_hung_up:
            self._end_all()
            return Result(exit_code=None, signal=signal.SIGHUP, message=HUNG_UP)
        message = f"The rest of its output could not be written: {output.error}" if output.error else None
        if returncode < 0:
            limit = limits.exceeded(payload.get("limits") or {}, -returncode)
            why = f"It used more than the policy of its host allows ({limit!r})." if limit else message
            return Result(exit_code=None, signal=-returncode, message=why)
        return Result(exit_code=returncode, message=message)

    def say(self, message: str) -> None:
        """Add to the log what there is to say beside the command itself."""
        with suppress(OSError):  # The disk may be full; the message is in the result too.
            os.write(1, self._ways[-1](f"{message}\n".encode()))

    def _start(self, payload: dict[str, Any], outputs: tuple[int, ...]) -> subprocess.Popen[bytes]:
        command = payload["command"]
        environment, home = dict(os.environ), _home()
        drop: dict[str, Any] = {}
        if name := payload.get("run_as_user"):
            account = Account.of(name)
            environment, home = account.environment(environment), account.directory
            drop = {"user": account.uid, "group": account.gid, "extra_groups": account.groups}
            # So that he can open /dev/stdout and /dev/stderr, too. The directory stays closed to him.
            for output in outputs:
                os.fchown(output, account.uid, account.gid)
        environment |= payload.get("env") or {}
        if isinstance(command, str):
            command = shells.words_for(command, payload.get("shell"), environment.get("PATH"))
        if not payload.get("new_privileges"):
            privileges.forbid_more()
        if self._has_terminal:
            terminal.make_ready()

        def begin() -> None:
            limits.apply(payload.get("limits") or {})
            if self._has_terminal:
                terminal.take()

        return subprocess.Popen(
            command,
            executable=payload.get("executable"),
            env=environment,
            cwd=payload.get("cwd") or home,
            stdout=outputs[0],
            stderr=outputs[-1],
            process_group=0,
            umask=UMASK,
            preexec_fn=begin,  # noqa: PLW1509  there is no thread yet
            **drop,
        )

    def _asked_to_end(self, number: int, _frame: FrameType | None) -> None:
        """Pass the request on to the command and all of its group, now or as soon as it runs."""
        self._asked_by = number
        if self._process is not None and self._process.poll() is None:
            self._pass_on()

    def _pass_on(self) -> None:
        assert self._process is not None  # noqa: S101  both callers have just looked
        if self._is_hung_up:  # nobody else sees to the end of this: the agent may be away
            self._look_at_family()
            signal.signal(signal.SIGALRM, self._end_all)
            signal.alarm(HANGUP_GRACE_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)

    def _look_at_family(self) -> None:
        """Note what there is, as long as it can be told by its descent."""
        # Imported here: hardly ever needed, and most of what a wrapper would weigh.
        from edge_agent.processes import family_of

        self._family |= family_of(Identity.of(os.getpid()))

    def _end_all(self, *_: object) -> None:
        """Kill what is left of it, but not ourselves."""
        from edge_agent.processes import sweep

        sweep(Identity.of(os.getpid()), self._family)


def _ways_of(payload: dict[str, Any]) -> tuple[Way, ...]:
    """Return what its streams come to in the log: as they are, or so that they can be told apart again."""
    if payload.get("streams") != "apart":
        return AS_THEY_ARE
    # Imported here: few ask for it, and it is most of what a wrapper would weigh.
    from edge_agent.protocol.streams import Stream, Weaver

    weave = Weaver().weave
    return partial(weave, Stream.STDOUT), partial(weave, Stream.STDERR)


def _home() -> str:
    """Return the home directory of the agent's user, or ``/`` where that is not there: some have none."""
    home = os.environ.get("HOME")
    return home if home and Path(home).is_dir() else "/"


def main(directory: str) -> int:
    """Run one attempt. The exit code is of no interest: ``result.json`` is the truth."""
    attempt = AttemptDir(Path(directory))
    command = Command(attempt)
    command.take_signals()
    if attempt.claim("started") != "started":
        return 0
    terminal.take_environment(attempt)
    result = command.run(attempt.read("payload.json") or {})
    if result.message:
        command.say(result.message)
    while True:
        try:
            attempt.write_result(result)
        except OSError:
            # A full disk must not cost the result. The job counts as running until there is room.
            time.sleep(WRITE_AGAIN_SECONDS)
        else:
            return 0
