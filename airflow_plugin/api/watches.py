"""The long poll of those who wait for commands: held on an in-process event, never on a database session.

What if it dies here? Nothing is told that is not in the table: a watch that is asked again finds the same.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from airflow_plugin.api.transactions import transact
from airflow_plugin.errors import Overloaded
from airflow_plugin.queue import command_watch, submitters
from edge_agent.protocol.commands import News

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from airflow_plugin.api.auth import Submitter
    from airflow_plugin.api.command_watcher import CommandWaiter, CommandWatcher
    from airflow_plugin.config import QueueConfig
    from edge_agent.protocol.commands import Watch


class Watches:
    """Answers watches."""

    def __init__(self, config: QueueConfig, watcher: CommandWatcher) -> None:
        self._config = config
        self._watcher = watcher

    async def answer(self, who: Submitter, ask: Watch) -> News:
        """Hold a watch until one of its commands has news, or its time is over.

        :raises Overloaded: when too many are held.
        """
        log_limit = self._config.log_limit_bytes
        deadline = time.monotonic() + min(ask.wait_seconds, self._config.poll_seconds)

        def begin(session: Session) -> tuple[UUID, News, News]:
            token = submitters.authenticate(session, who.token.get_secret_value(), who.address)
            return token.id, *command_watch.begin(session, token.id, ask.commands, log_limit)

        token_id, news, of_states = await transact(begin)
        if _says(of_states) or not ask.wait_seconds or self._watcher.closing:
            return news
        if self._watcher.held >= self._config.max_held_polls:
            msg = f"This API server holds {self._watcher.held} watches and no more ([edge_agent] max_held_polls)."
            raise Overloaded(msg)
        with self._watcher.waiting(ask.commands) as waiter:
            is_over = False
            while not is_over:
                is_over = not await _woken(waiter, deadline) or self._watcher.closing
                news = await transact(lambda db: command_watch.look(db, token_id, ask.commands, log_limit))
                if _says(news):
                    break
        return news


def _says(news: News) -> bool:
    return bool(news.commands or news.unknown)


async def _woken(waiter: CommandWaiter, deadline: float) -> bool:
    """Wait until the waiter is woken; False when its time is over."""
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            await waiter.woken.wait()
    except TimeoutError:
        return False
    waiter.woken.clear()
    return True
