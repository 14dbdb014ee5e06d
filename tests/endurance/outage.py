"""An outage: the API server is killed while tasks of every kind run, and comes back after some minutes.

==================  ===============================================================================
task                what it meets
==================  ===============================================================================
runs-local, -tmux   runs before it, through it and after it
ends-local, -tmux   ends in it: what it returned, its state and its log wait for the end of the outage
defers              defers in it, and goes on after it
awaits              deferred before it; its trigger fires in it, so that it comes into the queue in it
==================  ===============================================================================
"""

from __future__ import annotations

from tests.endurance.site import Site
from tests.endurance.story import Story
from tests.endurance.work import Started, Work
from tests.support.airflow_rest import AWAY
from tests.support.waiting import wait_until

AIRFLOWS_LIMIT_MINUTES = 4.0
"""What Airflow's own defaults allow: a task that is not heard of for 300 s has failed, and a start takes a while."""
TOKEN_SECONDS = 600.0
"""How long a task's token lives by Airflow's default."""

BEFORE_SECONDS = 30
"""How long it may take until all tasks have come as far as they are to be when the outage begins."""
AFTER_SECONDS = 120
"""For how long a task runs on when the API server is started again, which takes a while to answer."""
BACK_SECONDS = 240.0
"""How long anything may take after the return."""


def airflow_settings(minutes: float, token_seconds: float) -> dict[str, str]:
    """Return what must be set for an outage of that length: nothing, unless it is longer than Airflow's own limit."""
    settings = {}
    if minutes > AIRFLOWS_LIMIT_MINUTES:
        settings["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"] = str(round(minutes * 120))
    if token_seconds != TOKEN_SECONDS:
        settings["AIRFLOW__EXECUTION_API__JWT_EXPIRATION_TIME"] = str(round(token_seconds))
    return settings


def works(seconds: float) -> list[Work]:
    """Return the tasks for an outage of so many seconds."""
    through = round(seconds) + BEFORE_SECONDS + AFTER_SECONDS
    inside = round(seconds / 4) + BEFORE_SECONDS
    return [
        *(Work(f"runs-{runner}", runner, through) for runner in ("local", "tmux")),
        *(Work(f"ends-{runner}", runner, inside) for runner in ("local", "tmux")),
        Work("defers", "local", inside, away=2, after=5),
        Work("awaits", "local", 3, away=seconds / 2 + BEFORE_SECONDS, after=5),
    ]


class Outage:
    """One run of it."""

    def __init__(self, story: Story, site: Site, seconds: float, token_seconds: float) -> None:
        self.story = story
        self.site = site
        self.seconds = seconds
        self.token_seconds = token_seconds
        self.started: list[Started] = []
        self.down = 0.0
        self.complaints: list[str] = []

    def run(self) -> list[str]:
        """Let it happen; return what must not be, in words."""
        self.started = [self.site.begin(work) for work in works(self.seconds)]
        self._come_far_enough()
        self._be_away()
        self._come_back()
        for each in self.started:
            self.story.say(f"{each.name}: {each.run.wait(BEFORE_SECONDS + AFTER_SECONDS + BACK_SECONDS)}")
        renewed = self.site.count("token_renewed")
        self.story.note(f"{renewed} tokens renewed; each lives {self.token_seconds:g} s")
        if self.seconds > self.token_seconds and not renewed:
            self.complaints.append("no token was renewed: an outage that costs no token proves little")
        self.complaints += self.site.audit(self.started)
        starts, lines = (sum(getattr(each.work, what) for each in self.started) for what in ("starts", "lines"))
        self.story.note(f"{len(self.started)} tasks in {starts} starts, {lines} log lines compared")
        return self.complaints

    def _come_far_enough(self) -> None:
        for each in self.started:
            each.run.wait_for_task("count", "deferred" if each.name == "awaits" else "running")
            each.run.wait_for_log("count", "line 1")
        self._must_have_ended(awaits=1)

    def _be_away(self) -> None:
        self.site.bed.kill("api-server")
        self.down = self.story.now
        self.story.say("the API server is killed")
        self.story.until(self.down + self.seconds, "outage", self._look)
        self._must_have_ended(**{"ends-local": 1, "ends-tmux": 1, "defers": 1, "awaits": 1})
        self.story.say(f"the API server is started: {self._look()}")

    def _come_back(self) -> None:
        self.site.bed.start("api-server")
        up = self.story.now
        self.story.note(f"the API server did not answer for {up - self.down:.0f} s")
        states = {each.name: each.run.task("count")["state"] for each in self.started}
        self.story.say(", ".join(f"{name} {state}" for name, state in states.items()))
        if states["awaits"] == "deferred":
            self.complaints.append("awaits: its trigger did not fire in the outage")
        caught_up, known = [], []
        for each in self.started:
            if each.name.startswith("runs"):
                caught_up.append(self._caught_up(each) - up)
            if each.name.startswith("ends"):
                each.run.wait_for_task("count", timeout=BACK_SECONDS)
                known.append(self.story.now - up)
        self.story.note(f"logs of what went on had caught up {max(caught_up):.0f} s after its return")
        self.story.note(f"what had ended was known to Airflow {max(known):.0f} s after its return")

    def _caught_up(self, each: Started) -> float:
        """Wait until the log of a running task is as long as the outage; return when it was."""
        wait_until(
            each.numbers,
            until=lambda numbers: len(numbers) >= self.seconds,
            what=f"the log of {each.name} has caught up",
            timeout=BACK_SECONDS,
            interval=0.5,
            ignoring=AWAY,
        )
        return self.story.now

    def _must_have_ended(self, **wanted: int) -> None:
        """Complain unless the ledger has just these ends: a task that is elsewhere does not meet what it should."""
        for each in self.started:
            if (ends := self.site.ends(each.work)) != (due := wanted.get(each.name, 0)):
                self.complaints.append(f"{each.name} had ended {ends} times, not {due}, at {self.story.now:.0f} s")

    def _look(self) -> str:
        """Say how the tasks stand, by their ledger alone."""
        self.site.host.process.must_run()
        ends = (f"{each.name} {self.site.ends(each.work)}/{each.work.starts}" for each in self.started)
        return f"ended: {', '.join(ends)}"
