"""The zygote's program: get warm, say so, serve. Started by the agent, with a socket as descriptor 3."""

from __future__ import annotations

import os
import socket
import sys
import time
import traceback
from typing import NoReturn

from edge_agent.task_host import ingredients, warm
from edge_agent.task_host.child import become
from edge_agent.task_host.errors import TaskHostError
from edge_agent.task_host.messages import CHANNEL, Ready, Refused, encode
from edge_agent.task_host.zygote import Zygote


def main() -> int:
    """Serve until the agent is gone and the last child has ended."""
    # What the agent was started with beside its own is nothing that a task should hold.
    os.closerange(CHANNEL + 1, os.sysconf("SC_OPEN_MAX"))
    channel = socket.socket(fileno=CHANNEL)
    channel.set_inheritable(False)
    began = time.monotonic()
    made_of = ingredients.before_import()
    try:
        warm.warm_up()
        made_of += ingredients.after_import()
    except TaskHostError as error:
        _refuse(channel, str(error))
    except Exception as error:  # noqa: BLE001  Airflow and its plugins raise what they like; the agent must hear of it
        traceback.print_exc()
        said = " ".join(str(error).split())
        _refuse(channel, f"Airflow cannot be loaded: {type(error).__name__}: {said}")
    zygote = Zygote(channel, become)
    zygote.say(Ready(os.getpid(), round(time.monotonic() - began, 3), made_of))
    zygote.serve()
    return 0


def _refuse(channel: socket.socket, reason: str) -> NoReturn:
    sys.stderr.write(f"{reason}\n")
    sys.stderr.flush()
    channel.sendall(encode(Refused(reason)))
    # Not sys.exit: it would wait for whatever threads were started here, and that may be the reason.
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
