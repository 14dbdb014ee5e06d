"""What keeps an agent from taking work, in words that say what to do. A cordon does not: an admin wants it so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.status.survey import Survey

SILENT_SECONDS = 30.0
"""How long a server may be silent that has never said how often it wants to hear of the agent."""


def obstacles(survey: Survey) -> Iterator[str]:
    """Say what is in the way, nothing if the agent would take work."""
    if survey.stopped is not None:
        yield "It has stopped."
    elif survey.drain.is_on:
        running = survey.holdings.running
        yield (
            f"It drains ({survey.drain.reason}): it takes no new work, and leaves when the {running} jobs that run are "
            "done. Nothing is to be done, unless it is to stay: then lift the drain, or start it again."
        )
    yield from _server(survey)
    if not survey.intake.is_fit:
        yield f"The disk of {survey.state_dir.path} takes no new work: free space on it. What runs goes on."
    if survey.sessions.latest is not None and not survey.runners.are_ready:
        complaints = [f"{each.name}: {each.complaint}" for each in survey.runners.status() if each.complaint]
        yield " ".join(["No job can be started.", *(complaints or ["The runners are being made ready: wait."])])


def _server(survey: Survey) -> Iterator[str]:
    url, failure = survey.settings.url, survey.contact.last_failure
    why = f" ({failure.verb}: {failure.why.rstrip('.')})" if failure and survey.contact.away else ""
    silent_seconds, latest = survey.contact.seconds_since_heard(), survey.sessions.latest
    most_seconds = latest.limits.heartbeat_seconds * latest.limits.missed_heartbeats if latest else SILENT_SECONDS
    if latest is not None and silent_seconds is not None and silent_seconds > most_seconds:
        yield (
            f"{url} has not answered for {silent_seconds:.0f} s{why}: look after the server and the way to it. What "
            "runs goes on, its log and its end wait on the disk."
        )
    elif not survey.sessions.is_open and survey.stopped is None:
        yield f"It is not registered with {url}{why}: `edge-agent check` says what is wrong, if that lasts."
