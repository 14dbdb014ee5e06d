"""Run it: ``MINUTES=4 python -m tests.endurance outage``, or ``journey``; both, when none is named.

``make endurance`` does the same. Exit code 1 when something is not as it was promised. Everything is below
``.endurance/``, the result in ``result.md``. ``TOKEN_SECONDS``: life of a task's token, for a short trial.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.endurance.journey import AGENT_SETTINGS, Journey
from tests.endurance.outage import TOKEN_SECONDS, Outage, airflow_settings
from tests.endurance.site import site
from tests.endurance.story import Story
from tests.support.process import left_behind

HOME = Path(__file__).parents[2] / ".endurance"
MINUTES = {"outage": 4.0, "journey": 10.0}


def outage(story: Story, seconds: float) -> list[str]:
    """The API server is away; return the complaints."""
    token_seconds = float(os.environ.get("TOKEN_SECONDS", TOKEN_SECONDS))
    settings = airflow_settings(seconds / 60, token_seconds)
    story.note(", ".join(f"`{name}={value}`" for name, value in settings.items()) or "all settings are the defaults")
    with site(story.home, airflow=settings, agent={}) as made:
        return Outage(story, made, seconds, token_seconds).run()


def journey(story: Story, seconds: float) -> list[str]:
    """Restarts around one task; return the complaints."""
    with site(story.home, airflow={}, agent=AGENT_SETTINGS) as made:
        return Journey(story, made, seconds).run()


def endure(name: str, minutes: float) -> int:
    """Run one proof; return how many complaints there are."""
    home = HOME / f"{name}-{minutes:g}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    story = Story(home)
    story.say(f"{name}, {minutes:g} minutes; everything below {home}")
    complaints = {"outage": outage, "journey": journey}[name](story, minutes * 60)
    complaints += [f"left: {each}" for each in left_behind()]
    story.result(f"{name}, {minutes:g} minutes", complaints)
    for complaint in complaints:
        print(complaint)
    story.say(f"{name}: {len(complaints)} complaints; see {home}/result.md")
    return len(complaints)


def main() -> int:
    """Run what is asked for."""
    asked = sys.argv[1:] or list(MINUTES)
    if unknown := set(asked) - set(MINUTES):
        print(f"{', '.join(sorted(unknown))}: not one of {', '.join(MINUTES)}", file=sys.stderr)
        return 2
    complaints = sum(endure(name, float(os.environ.get("MINUTES", MINUTES[name]))) for name in asked)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
