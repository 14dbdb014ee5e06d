"""An agent reduced to one runner, to be killed: ``python -m tests.support.runner_agent <json>``.

Starts one command, prints the attempt directory when it runs, and waits for its death.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.support.runner_bed import RunnerBed
from tests.support.runners import runner_named


async def main(told: dict) -> None:
    async with asyncio.TaskGroup() as group:
        runner = runner_named(told["runner"], Path(told["state"]))
        await runner.prepare()
        job = RunnerBed(runner, Path(told["state"]) / "attempts", group).begin(told["command"])
        await job.says(b"up")
        print(job.attempt.path, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
