"""What is tried, in the order in which it is tried, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

STOLEN, NEIGHBOUR = "stolen", "neighbour"
"""The two hosts, each with a queue of the same name. All that the attacker has is what is on the first."""

ATTACKS = {
    "public-api": "Reach the public REST API as an admin: list connections, start a Dag run",
    "task-token": "Make a token for another host's task, and read a connection's password, a variable, an XCom",
    "log-read": "Read another host's task log",
    "log-write": "Write into another host's task log",
    "log-path": "Write a log to a path of one's choice",
    "steer": "Stop or cordon another host",
    "pose": "Act under another host's name, with a token bound to one's own",
    "pose-unbound": "Act under another host's name, with the token of the quickstart",
    "payload": "Take, and so read, a job that waits for another host",
    "end": "End another host's running task as successful",
    "own-queue": "Take a job of one's own queue, and read a connection by its token",
    "own-name": "Work under one's own name beside the host itself",
    "no-credential": "Call every route for workers or agents without any credential",
    "removed": "Go on after an admin has removed the host",
    "removed-task": "After that, read a connection by the token of a task that was begun before",
}
"""What each attacker tries, by key."""


@dataclass(frozen=True)
class Attempt:
    """What came of one attack on one system. ``answer``: statuses and what was seen, in words."""

    key: str
    possible: bool
    answer: str

    @property
    def verdict(self) -> str:
        """In a word, for the table."""
        return "possible" if self.possible else "refused"
