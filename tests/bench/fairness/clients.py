"""Agents that knock: each knock is a poll which carries a beat and does not wait.

A program. ``neighbours`` knock at a fixed pace, as well-behaved agents do, and say how long each answer took from
when it was due, so that waiting for the one before counts. ``flood`` is one agent that knocks without a pause on
many connections; it says ``refused`` when it first is, and ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import sys
import time
from contextlib import AsyncExitStack
from http import HTTPStatus

from pydantic import SecretStr

from edge_agent.errors import ProblemAnswer
from tests.bench.agent_clients import Agent, open_http
from tests.bench.pauses import pass_until

PACE_SECONDS = 0.5
CONNECTIONS = 16


async def neighbours(agents: list[Agent], seconds: float) -> dict[str, object]:
    """Knock at a fixed pace, each agent at its own moments."""
    begin = time.monotonic()

    async def knock(number: int) -> list[float]:
        due = begin + PACE_SECONDS * number / len(agents)
        took = []
        while due < begin + seconds:
            await pass_until(due)
            await agents[number].knock()
            took.append(time.monotonic() - due)
            due += PACE_SECONDS
        return took

    took = await asyncio.gather(*map(knock, range(len(agents))))
    return {"seconds": [each for some in took for each in some]}


async def flood(agents: list[Agent]) -> dict[str, object]:
    """Knock as fast as it goes, until nobody listens."""
    (agent,) = agents
    begin, served, refused = time.monotonic(), 0, 0

    async def knock() -> None:
        nonlocal served, refused
        while True:
            try:
                await agent.knock()
                served += 1
            except ProblemAnswer as error:
                if error.status != HTTPStatus.TOO_MANY_REQUESTS:
                    raise
                refused += 1
                if refused == 1:
                    print("refused", flush=True)

    print("begun", flush=True)
    knocking = [asyncio.create_task(knock()) for _ in range(CONNECTIONS)]
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    ended, _ = await asyncio.wait({over, *knocking}, return_when=asyncio.FIRST_COMPLETED)
    for task in knocking:
        task.cancel()
    for task in ended - {over}:
        task.result()  # It knocks for ever: one that has ended has failed.
    return {"served": served, "refused": refused, "lasted": time.monotonic() - begin}


async def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Register the agents and let them do what they are for."""
    token = SecretStr(os.environ["EDGE_AGENT_TOKEN"])
    trust = ssl.create_default_context()
    async with AsyncExitStack() as stack:
        agents = []
        for number in range(arguments.agents):
            http = await stack.enter_async_context(open_http(arguments.url, trust))
            agents.append(Agent(http, f"{arguments.role}-{number}", arguments.role, slots=4))
            await agents[-1].register(token)
        return await (flood(agents) if arguments.role == "flood" else neighbours(agents, arguments.seconds))


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["neighbours", "flood"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--agents", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0)
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
