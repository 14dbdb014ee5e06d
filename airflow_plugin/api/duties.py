"""What each API process does besides answering: watch, judge, end, sample, upload, purge. Ends with the process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from airflow_plugin import meters, remote_log
from airflow_plugin.api.measuring import Measuring
from airflow_plugin.api.transactions import transact
from airflow_plugin.queue import samples, steering, ties
from airflow_plugin.queue.reaper import Reaped, Reaper
from edge_agent.protocol import metrics
from edge_agent.protocol.metrics import Finding

if TYPE_CHECKING:
    from airflow_plugin.api.command_watcher import CommandWatcher
    from airflow_plugin.api.watcher import Watcher
    from airflow_plugin.config import QueueConfig

log = logging.getLogger(__name__)

REAP_SECONDS = 2.0
TIE_SECONDS = 1.0
UPLOAD_SECONDS = 5.0
PURGE_SECONDS = 300.0
SAMPLE_PAUSE_SECONDS = 2.0
"""After the beginning of a minute, which is waited for: so far into each, whichever replica is first."""


class Duties:
    """Runs every duty until it is cancelled; one that fails is logged and tried again."""

    def __init__(self, config: QueueConfig, watcher: Watcher, command_watcher: CommandWatcher) -> None:
        self._config = config
        self._reaper = Reaper(config)
        self._watcher = watcher
        self._command_watcher = command_watcher
        self._measuring = Measuring(config, watcher)

    async def run(self) -> None:
        """Run them all. A failure in one never ends another."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watcher.run(), name="edge-agent-watcher")
            group.create_task(self._command_watcher.run(), name="edge-agent-command-watcher")
            group.create_task(_forever("end commands", TIE_SECONDS, self._end_commands), name="edge-agent-ties")
            group.create_task(_forever("reap", REAP_SECONDS, self._reap), name="edge-agent-reaper")
            group.create_task(_forever("purge", PURGE_SECONDS, self._purge), name="edge-agent-purge")
            group.create_task(_forever("sample agents", SAMPLE_PAUSE_SECONDS, self._sample), name="edge-agent-samples")
            if meters.are_on():
                measure = _forever("measure", self._config.metrics_seconds, self._measuring.run_once)
                group.create_task(measure, name="edge-agent-measuring")
            group.create_task(_forever("upload logs", UPLOAD_SECONDS, self._upload), name="edge-agent-upload")

    async def _reap(self) -> None:
        try:
            reaped = await transact(self._reaper.run_once)
        except Exception:
            self._reaper.interrupted()
            raise
        if reaped.anything:
            _count(reaped)
            log.info("Reaped: %s", reaped)
        if cancelled := await transact(steering.cancel_overdue):
            log.info("Cancelled %d jobs of agents that are being stopped", cancelled)

    async def _end_commands(self) -> None:
        if ended := await transact(ties.end_unwanted):
            log.info("Ending %d commands of tasks that Airflow goes on without", ended)

    async def _sample(self) -> None:
        await asyncio.sleep(await transact(lambda session: samples.take(session, self._config)))

    async def _purge(self) -> None:
        if purged := await transact(self._reaper.purge_once):
            log.info("Purged %d old rows: jobs, logs, tokens, events, samples", purged)

    async def _upload(self) -> None:
        if uploaded := await transact(remote_log.upload_once):
            log.info("Uploaded the logs of %d jobs to the remote log store", uploaded)


def _count(reaped: Reaped) -> None:
    found = {
        Finding.AGENT_LOST: len(reaped.lost_agents),
        Finding.JOB_LOST: reaped.failed,
        Finding.OFFER_EXPIRED: reaped.expired,
        Finding.JOB_GIVEN_UP: reaped.gave_up,
        Finding.CORDON_LIFTED: len(reaped.uncordoned),
    }
    for finding, number in found.items():
        meters.count(metrics.FOUND, finding.value, by=number)


async def _forever(duty: str, every_seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Exception:
            # The outer edge of a loop that must not end: the database may be back at the next turn.
            log.exception("Could not %s; trying again in %s seconds", duty, every_seconds)
        await asyncio.sleep(every_seconds)
