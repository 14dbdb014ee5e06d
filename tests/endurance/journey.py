"""A journey: one long task in tmux, while agent, API server and scheduler are restarted and killed around it."""

from __future__ import annotations

import signal

from tests.endurance.site import Site
from tests.endurance.story import Story
from tests.endurance.work import Started, Work

STEPS = (
    # When, in parts of the task's life; and what.
    (0.05, "restart"),
    (0.15, "API server"),
    (0.35, "restart"),
    (0.45, "crash"),
    (0.52, "handover"),
    (0.60, "scheduler"),
    (0.80, "restart"),
    (0.87, "restart"),
)
AGENT_SETTINGS = {"EDGE_AGENT_DRAIN_TIMEOUT_SECONDS": "0"}
"""SIGTERM is to leave the task to the next agent, not to wait for its end."""
BESIDE_SECONDS = 90.0


class Journey:
    """One run of it."""

    def __init__(self, story: Story, site: Site, seconds: float) -> None:
        self.story = story
        self.site = site
        self.work = Work("journey", "tmux", round(seconds))
        self.complaints: list[str] = []

    def run(self) -> list[str]:
        """Let it happen; return what must not be, in words."""
        started = self.site.begin(self.work)
        started.run.wait_for_task("count", "running")
        started.run.wait_for_log("count", "line 1")
        begin = self.story.now
        self.story.say(f"the task runs, in tmux session {self.site.sessions()}")
        for part, step in STEPS:
            self.story.until(begin + part * self.work.before, f"before: {step}", lambda: self._look(started))
            self._step(step)
            if self.site.ends(self.work):
                self.complaints.append(f"the task had ended before the step was over: {step}")
        state = started.run.wait(self.work.before + BESIDE_SECONDS)
        self.story.note(f"{state} after {self.story.now - begin:.0f} s and {len(STEPS)} restarts and kills around it")
        self.complaints += self.site.audit([started])
        self.story.note(f"{self.site.starts(self.work)} start in the ledger, {self.work.lines} log lines compared")
        return self.complaints

    def _step(self, step: str) -> None:
        begin, registered = self.story.now, self.site.count("registered")
        {
            "restart": self._restart,
            "handover": self._hand_over,
            "crash": self._crash,
            "API server": lambda: self._kill("api-server"),
            "scheduler": lambda: self._kill("scheduler"),
        }[step]()
        if step in ("restart", "handover", "crash"):
            self.site.wait_registered(registered)
        self.story.say(f"{step}: back after {self.story.now - begin:.1f} s, session {self.site.sessions()}")

    def _restart(self) -> None:
        process = self.site.host.process
        process.send(signal.SIGTERM)
        self._must_be_well("SIGTERM", process.wait(60))
        self.site.host.start()

    def _hand_over(self) -> None:
        self._must_be_well("a handover", self.site.host.hand_over())

    def _crash(self) -> None:
        self.site.host.crash()
        self.site.host.start()

    def _kill(self, part: str) -> None:
        self.site.bed.kill(part)
        self.site.bed.start(part)

    def _must_be_well(self, what: str, code: int) -> None:
        if code != 0:
            self.complaints.append(f"the agent ended with {code} on {what}")

    def _look(self, started: Started) -> str:
        self.site.host.process.must_run()
        return f"{len(started.numbers())} lines in the log"
