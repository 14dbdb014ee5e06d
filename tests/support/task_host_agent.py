"""An agent reduced to its task host, to be killed: ``python -m tests.support.task_host_agent <json>``.

Starts the attempts it is told, prints a line when they run, and waits for its death.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from edge_agent.attempt_dir import AttemptDir
from edge_agent.task_host import TaskHost


async def main(told: dict) -> None:
    host = TaskHost(python=sys.executable, environment=told["environment"], log=Path(told["log"]))
    for path in told["attempts"]:
        await host.spawn(AttemptDir(Path(path)), server=told["server"], agent_name="doomed")
    print(host.pid, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.read())))
