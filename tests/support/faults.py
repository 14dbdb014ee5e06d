"""Faults on order, and what was called: one vocabulary for whatever stands in the way of an agent.

========= =============================================================== ==========================
kind      what happens                                                    what the server has done
========= =============================================================== ==========================
lost      closed before anything was sent on                              nothing
torn      closed in the middle of the request's body                      nothing
html      a proxy's page with 200                                         nothing
status    ``status`` with ``body`` and ``headers``                        nothing
held      sent on after ``seconds``, be its sender still there or not     its work, later
drop      closed without an answer                                        its work
half      closed in the middle of the answer's body                       its work
delay     answered after ``seconds``                                      its work
slow      answered a byte at a time, ``seconds`` between two              its work
endless   answered with headers that never end, a byte at a time          its work
========= =============================================================== ==========================

Whatever waits goes on at once when ``release`` is set.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from edge_agent.protocol import routes

BEFORE = frozenset({"lost", "torn", "html", "status", "held"})
AFTER = frozenset({"drop", "half", "delay", "slow", "endless"})
"""Kinds of fault: before the server does anything, and after it has committed."""

ANY = "*"
"""Every verb of the queue API. What else comes by (the Execution API, Airflow's REST API) is not meant."""

_VERBS = {
    "session": "register",
    "check": "check",
    "heartbeat": "heartbeat",
    "poll": "poll",
    "confirm": "confirm",
    "renew": "renew",
    "report": "report",
    "logs": "logs",
    "health": "health",
    "commands": "submit",
    "watch": "watch",
    "rights": "rights",
    "cancel": "cancel",
    "output": "output",
}
FOREIGN = "foreign"
"""The verb of all that is not the queue API's."""

EDGE3_FETCH = "edge3 fetch"
"""But for this one: the edge provider's call for work, whose answers are lost beside ours in a benchmark."""
_EDGE3_FETCH = "/edge_worker/v1/jobs/fetch/"

_SECONDS = {"slow": 0.02, "endless": 0.02}
_CALLS_KEPT = 10_000


@dataclass
class Fault:
    """Something to go wrong with the next calls of a verb. ``times`` None: until it is taken away."""

    verb: str
    kind: str
    times: int | None = 1
    status: int = 503
    body: bytes = b"<html>Service Unavailable</html>"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = -1.0
    release: threading.Event = field(default_factory=threading.Event)
    met: int = 0

    def __post_init__(self) -> None:
        if self.kind not in BEFORE | AFTER:
            raise ValueError(f"{self.kind!r} is no kind of fault")
        if self.seconds < 0:
            self.seconds = _SECONDS.get(self.kind, 60.0)

    def is_for(self, verb: str) -> bool:
        """Whether a call of that verb meets it."""
        return self.times != 0 and (self.verb == verb or (self.verb == ANY and verb not in {FOREIGN, EDGE3_FETCH}))

    def end(self) -> None:
        """Take it away; what waits for it goes on."""
        self.times = 0
        self.release.set()


@dataclass(frozen=True)
class Call:
    """One request as it arrived. ``at``: seconds of the monotonic clock."""

    verb: str
    path: str
    body: bytes
    token: str
    at: float


class Orders:
    """What was ordered to go wrong, and what was called. May be used by many threads."""

    def __init__(self) -> None:
        self.calls: deque[Call] = deque(maxlen=_CALLS_KEPT)
        self.faults: list[Fault] = []
        self._lock = threading.Lock()

    def order(self, verb: str, kind: str, **more: Any) -> Fault:
        """Order a fault; ``more`` as in :class:`Fault`."""
        fault = Fault(verb, kind, **more)
        with self._lock:
            self.faults.append(fault)
        return fault

    def take(self, verb: str, kinds: frozenset[str]) -> Fault | None:
        """Return the next fault of these kinds that was ordered for a verb, and note that it was met."""
        with self._lock:
            for fault in self.faults:
                if fault.kind in kinds and fault.is_for(verb):
                    fault.met += 1
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None

    def calls_of(self, verb: str) -> list[Call]:
        """Return the calls of one verb so far."""
        return [call for call in list(self.calls) if call.verb == verb]

    def end(self) -> None:
        """Take all faults away; what waits for them goes on."""
        with self._lock:
            for fault in self.faults:
                fault.end()
            self.faults.clear()


def verb_of(method: str, path: str) -> str:
    """Return which verb of the queue API a request is, or that it is none of them."""
    below = path.partition("?")[0].removeprefix(routes.BASE)
    if below == path.partition("?")[0]:
        return EDGE3_FETCH if path.startswith(_EDGE3_FETCH) else FOREIGN
    if method == "GET" and below.rpartition("/")[0] == routes.COMMANDS and below != routes.RIGHTS:
        return "get"
    return "leave" if method == "DELETE" else _VERBS.get(below.rpartition("/")[2], "unknown")
