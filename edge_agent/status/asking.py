"""Asking an agent of this host how it is, from another process: it answers, or that is the answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from pydantic import ValidationError

from edge_agent.errors import AgentError
from edge_agent.state_dir import Holder, StateDir
from edge_agent.status.file import last_words
from edge_agent.status.report import AgentState, Report, Status, Verdict
from edge_agent.status.socket import END, address_of

CALL_AGAIN_SECONDS = 0.05
"""How soon one is called again that does not listen yet, or does not listen any more."""


def ask(
    state_dir: StateDir,
    *,
    timeout_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Return how it stands with the agent of a state directory.

    :raises StateDirError: when it cannot be told who uses it: it is another user's.
    :raises AgentError: when it answers what this version cannot read.
    """
    given_up_at = clock() + timeout_seconds
    while (holder := state_dir.holder()) is not None:
        try:
            said = _call(state_dir, seconds=given_up_at - clock())
        except OSError:  # it has just begun or is about to end; or it hangs
            said = b""
        if said.endswith(END):
            return _answered(said)
        if clock() >= given_up_at:
            return _silent(state_dir, holder, timeout_seconds)
        sleep(CALL_AGAIN_SECONDS)
    return _stopped(state_dir)


def _call(state_dir: StateDir, *, seconds: float) -> bytes:
    """Return what the agent says, all of it or not.

    :raises OSError: when nobody answers in time.
    """
    given_up_at = time.monotonic() + seconds
    said = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, address_of(state_dir.status_socket) as address:
        line.settimeout(max(seconds, 0.001))
        line.connect(address)
        while chunk := line.recv(65_536):
            said += chunk
            line.settimeout(max(given_up_at - time.monotonic(), 0.001))
    return bytes(said)


def _answered(said: bytes) -> Report:
    try:
        status = Status.model_validate_json(said)
    except ValidationError as error:
        msg = (
            "The agent answers in a form that this version does not know: use the edge-agent that it was started with."
        )
        raise AgentError(msg) from error
    return Report(state=AgentState.RUNNING, live=status.live, ready=status.ready, said=status)


def _silent(state_dir: StateDir, holder: Holder, timeout_seconds: float) -> Report:
    no = _no(
        f"The {holder} does not answer within {timeout_seconds:g} s: it hangs or was stopped. Look at its log, and "
        "restart it; what runs goes on."
    )
    return Report(state=AgentState.SILENT, live=no, ready=no, said=last_words(state_dir))


def _stopped(state_dir: StateDir) -> Report:
    said = last_words(state_dir)
    if said is None and not state_dir.status_file.exists():
        no = _no(f"No agent has ever run with the state directory {state_dir.path}: start one, or correct the path.")
        return Report(state=AgentState.NEVER, live=no, ready=no, said=None)
    why = f"it stopped: {said.stopped.rstrip('.')}" if said and said.stopped else "it was killed, or its host went down"
    no = _no(f"No agent runs: {why}. Start it; what ran is found again.")
    return Report(state=AgentState.STOPPED, live=no, ready=no, said=said)


def _no(why: str) -> Verdict:
    return Verdict(ok=False, reasons=(why,))
