"""What a forked child does: claim the attempt, run it, record its end, leave.

What if it dies here? Before the claim: nothing was started, and the zygote says so. After it: the
zygote records the signal; without a zygote the agent finds a claim whose process is gone.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import traceback
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from edge_agent.attempt_dir import AttemptDir, Identity, Result
from edge_agent.errors import CannotStart
from edge_agent.fresh_token import FreshToken
from edge_agent.processes import sweep
from edge_agent.task_host.environment import of_attempt
from edge_agent.task_host.messages import Message, Spawn, Started, encode
from edge_agent.task_host.outcome import Told, judge

WRITE_AGAIN_SECONDS = 1.0


class _AskedToEnd(BaseException):
    """SIGTERM, while Airflow's supervisor does not pass it on to the task itself."""


def become(wanted: Spawn, channel: socket.socket | None) -> NoReturn:
    """Live as the supervisor of one attempt. The exit code is that of the result.

    ``channel``: where a fork says that it has begun. None: there is no zygote, and Airflow is yet to be
    imported; this process leads an OS session and has a terminal.
    """
    code = 1
    try:
        code = _live(wanted, channel)
    except BaseException:
        # Where stderr goes by now: the zygote's log before the claim, the attempt's output after it.
        traceback.print_exc()
        raise
    finally:
        # Not sys.exit: what the zygote registered to be done at its end is not this process's to do.
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(code)


def _live(wanted: Spawn, channel: socket.socket | None) -> int:
    if channel is not None:
        os.setsid()
    _take_signals(has_terminal=channel is None)
    attempt = AttemptDir(Path(wanted.attempt))
    identity = Identity.of(os.getpid())
    if attempt.claim("started") != "started" or attempt.identity() != identity:
        return 0  # Nobody wants it any more, or it runs already.
    if channel is not None:
        _tell(channel, Started(wanted.number, identity))
    _redirect(attempt.output)
    with ExitStack() as afterwards:
        result = _run(attempt, wanted, afterwards, is_warm=channel is not None)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        FreshToken(attempt).forget()
        _record(attempt, result)
    return result.exit_code if result.exit_code is not None else 128 + (result.signal or 0)


def _tell(channel: socket.socket, message: Message) -> None:
    with channel, suppress(OSError):  # The agent may be gone. The claim tells the next one.
        channel.sendall(encode(message))


def _run(attempt: AttemptDir, wanted: Spawn, afterwards: ExitStack, *, is_warm: bool) -> Result:
    # Imported here, so that nothing before the claim depends on Airflow; by the zygote, long ago.
    from edge_agent.task_host import warm

    told = Told()
    try:
        payload = attempt.read("payload.json") or {}
        attempt.forget_payload()
        os.environ.update(of_attempt(attempt, agent=wanted.agent, server=wanted.server))
        if not is_warm:
            warm.warm_up()
        warm.wake_child()
        from setproctitle import setproctitle

        from edge_agent.task_host import workload

        work = workload.read(payload, server=wanted.server, attempt=attempt)
        del payload
        told = work.told
        if attempt.progress().kept == "store":
            work.write_to_store(afterwards)
        setproctitle(f"edge-agent supervisor: {work.title}")
        return work.run()
    except _AskedToEnd:
        return _cut_short(told, Result(exit_code=None, signal=signal.SIGTERM))
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return Result(exit_code=1, message=str(error))
    except Exception as error:  # noqa: BLE001  whatever Airflow's supervisor raises is how this attempt ended
        traceback.print_exc()
        message = told.not_wanted or told.refusal or _first_line(error)
        return _cut_short(told, Result(exit_code=1, message=message))


def _cut_short(told: Told, otherwise: Result) -> Result:
    """End what is left of the task, and say how the attempt ended: as Airflow was told, if it was."""
    sweep(Identity.of(os.getpid()))
    return judge(0, told) if told.state is not None else otherwise


def _take_signals(*, has_terminal: bool) -> None:
    """Take SIGTERM as what it is, a request to end; and leave nothing of what Airflow's import did."""
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _asked_to_end)
    if has_terminal:  # it was taken away: somebody has killed the session, or the whole tmux server
        signal.signal(signal.SIGHUP, lambda _number, _frame: os.kill(os.getpid(), signal.SIGTERM))


def _asked_to_end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise _AskedToEnd


def _redirect(output: Path) -> None:
    """Let everything this process and its children say go to the attempt's own file."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(said)


def _record(attempt: AttemptDir, result: Result) -> None:
    """Record the end. A full disk must not cost it: the job counts as running until there is room."""
    while True:
        try:
            attempt.write_result(result)
        except FileNotFoundError:
            return  # The agent has dropped the attempt meanwhile, directory and all.
        except OSError:
            time.sleep(WRITE_AGAIN_SECONDS)
        else:
            return


def _first_line(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
