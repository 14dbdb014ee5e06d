"""Our own agent's program with orders in place of its loops: what a thief makes of a copied host.

``python -m tests.support.thief_program`` starts as ``edge-agent run`` does, with the settings, the state directory
and the client that any agent has there, and then obeys: a JSON object a line, answered by one. Whatever an agent
is asked to prove, this one proves as well as the real one could with the same disk.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from pydantic import BaseModel

import edge_agent.agent
from edge_agent import cli
from edge_agent.agent import Agent
from edge_agent.errors import ProblemAnswer, UndecodableAnswer
from edge_agent.protocol import Beat, Confirm, Poll, Registration, Renew, Report, Session

MESSAGES: dict[str, type[BaseModel]] = {
    "heartbeat": Beat,
    "poll": Poll,
    "confirm": Confirm,
    "renew": Renew,
    "report": Report,
}


class ThievesAgent(Agent):
    """Speaks only when it is told to, and keeps the session it got."""

    _session: Session | None = None

    async def run(self) -> None:
        """Obey until standard input ends."""
        while order := await asyncio.to_thread(sys.stdin.readline):
            try:
                answer: dict[str, Any] = {"status": 200, "body": await self._obey(json.loads(order))}
            except (ProblemAnswer, UndecodableAnswer) as error:
                answer = {"status": error.status, "body": str(error)}
            print(json.dumps(answer), flush=True)

    async def _obey(self, order: dict[str, Any]) -> Any:
        verb, message = order["verb"], order["message"]
        if verb in ("register", "check"):
            said = self._introduction.registration().model_dump() | message
            answer = await getattr(self._client, verb)(self._token(), Registration.model_validate(said))
            if isinstance(answer, Session):
                self._session = answer
            return json.loads(answer.model_dump_json())
        assert self._session is not None, "register first"
        if verb == "leave":
            return await self._client.leave(self._session)
        if verb == "send_log":
            # Not made an id here: what is none is tried, too.
            id_, offset, content = message["assignment_id"], message["offset"], message["content"].encode()
            return json.loads((await self._client.send_log(self._session, id_, offset, content)).model_dump_json())
        sent = MESSAGES[verb].model_validate(message)
        return json.loads((await getattr(self._client, verb)(self._session, sent)).model_dump_json())


if __name__ == "__main__":
    edge_agent.agent.Agent = ThievesAgent  # type: ignore[misc]  # in its place, so that all else is the agent's own
    sys.exit(cli.main(["run"]))
