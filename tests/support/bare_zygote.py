"""A zygote without Airflow: ``python -m tests.support.bare_zygote <descriptor> [no-fork]``.

What a child does stands where the Execution API's address would: ``claim`` and then ``wait``, ``exit
7``, ``record``, ``kill``.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from edge_agent.attempt_dir import AttemptDir, Identity, Result
from edge_agent.task_host.messages import Spawn, Started, encode
from edge_agent.task_host.zygote import Zygote


def become(wanted: Spawn, channel: socket.socket) -> NoReturn:
    """Do what was asked for."""
    os.setsid()
    attempt = AttemptDir(Path(wanted.attempt))
    for word in wanted.server.split(","):
        if word == "claim":
            attempt.claim("started")
            channel.sendall(encode(Started(wanted.number, Identity.of(os.getpid()))))
        elif word == "record":
            attempt.write_result(Result(exit_code=0, state="success"))
        elif word == "wait":
            channel.close()
            signal.pause()
        elif word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            os._exit(int(word))
    os._exit(0)


def no_fork() -> int:
    """Be a host that has no room for another process."""
    raise BlockingIOError(11, "Resource temporarily unavailable")


if __name__ == "__main__":
    Zygote(socket.socket(fileno=int(sys.argv[1])), become, fork=no_fork if "no-fork" in sys.argv else os.fork).serve()
