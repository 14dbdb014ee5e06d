"""The hook for commands: submit, watch, read, cancel, for tasks (synchronous) and triggers (asynchronous)."""

from __future__ import annotations

import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID, uuid4

from airflow.sdk.bases.hook import BaseHook
from airflow.sdk.exceptions import AirflowException

from airflow_plugin.commands import calls
from airflow_plugin.commands.answers import LogBytes, Output
from airflow_plugin.commands.calls import Call
from airflow_plugin.commands.client import Client
from airflow_plugin.commands.errors import Unauthenticated
from airflow_plugin.commands.shared_client import SharedClient, shared_client
from airflow_plugin.commands.site import CONN_TYPE, Site, site_of
from edge_agent.protocol.commands import (
    MAX_WATCHED,
    CancelCommand,
    CommandView,
    News,
    Seen,
    Submit,
    SubmitRights,
    Submitted,
    Watch,
)
from edge_agent.protocol.streams import Stream

OUTAGE_SECONDS = 600.0
WAIT_SECONDS = 25.0
LOG_BYTES = 1_048_576
OUTPUT_BYTES = 65_536

T = TypeVar("T")


class EdgeAgentHook(BaseHook):
    """Speaks to the queue API that an Airflow connection of type ``edge_agent`` names.

    ``edge_agent_conn_id``: the connection, ``edge_agent_default`` by default. ``outage_seconds``: how long a call
    goes on asking when there is no answer, or none of a queue API that is well; None for ever, by default ten
    minutes. What has never answered as it should (a certificate that is not trusted, a page of another server) is not
    waited for.

    Every method may raise any :class:`~airflow_plugin.commands.errors.CommandsError`, and what Airflow raises for a
    connection that is not there. A token that was replaced in the connection is taken up by the next call. A hook
    opens its HTTP client when it needs one and closes it with itself; in one event loop all hooks of one connection
    share theirs.
    """

    conn_name_attr = "edge_agent_conn_id"
    default_conn_name = "edge_agent_default"
    conn_type = CONN_TYPE
    hook_name = "Edge Agent"

    def __init__(
        self, edge_agent_conn_id: str = default_conn_name, *, outage_seconds: float | None = OUTAGE_SECONDS
    ) -> None:
        super().__init__()
        self.edge_agent_conn_id = edge_agent_conn_id
        self.outage_seconds = outage_seconds
        self._client: Client | None = None
        self._site: Site | None = None

    # For tasks.

    def submit(self, submit: Submit) -> Submitted:
        """Have a command run. Without queue and agent it goes to the connection's default queue, if that has one.

        Without a key it gets one of its own: a submit whose answer is lost is sent again.
        """
        keyed = _with_key(submit)
        return self._ask(lambda site: calls.submit(_with_queue(keyed, site)))

    def get(self, job_id: UUID) -> CommandView:
        """Return a command as it stands, with why it waits if it does."""
        return self._ask(_always(calls.get(job_id)))

    def wait(self, commands: Sequence[Seen], wait_seconds: float = WAIT_SECONDS) -> News:
        """Wait until one of these commands has news, or the time is over.

        More than 512 are looked at part by part, each for its share of the time.
        """
        for watch in _watches(commands, wait_seconds):
            news = self._ask(_always(calls.watch(watch)))
            if news.commands or news.unknown:
                return news
        return News()

    def logs(self, job_id: UUID, offset: int = 0, limit: int = LOG_BYTES) -> LogBytes:
        """Return a piece of a command's log as it is stored, from an offset in bytes."""
        return self._ask(_always(calls.logs(job_id, offset, limit)))

    def output(self, job_id: UUID, stream: Stream = Stream.STDOUT, limit: int = OUTPUT_BYTES) -> Output:
        """Return the last ``limit`` bytes of one stream of a command."""
        return self._ask(_always(calls.output(job_id, stream, limit)))

    def cancel(self, job_id: UUID, reason: str, *, only_if_unwanted: bool = False) -> CommandView:
        """Ask for a command's end. ``only_if_unwanted``: only when Airflow has gone on without its task instance."""
        message = CancelCommand(reason=reason, only_if_unwanted=only_if_unwanted)
        return self._ask(_always(calls.cancel(job_id, message)))

    def rights(self) -> SubmitRights:
        """Return what the connection's token allows."""
        return self._ask(_always(calls.rights()))

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the connection can be used, and what the token allows or what is wrong."""
        try:
            return True, _in_words(self._ask(_always(calls.rights()), outage_seconds=0.0))
        except AirflowException as error:
            return False, str(error)
        finally:
            self.close()

    def close(self) -> None:
        """Close the connections of the synchronous methods. The next call opens others."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self, call: Callable[[Site], Call[T]], *, outage_seconds: float | None = None) -> T:
        patience = self.outage_seconds if outage_seconds is None else outage_seconds
        client = self._client or self._open(site_of(self.get_connection(self.edge_agent_conn_id)))
        try:
            return client.ask(call(client.site), patience)
        except Unauthenticated:
            site = site_of(self.get_connection(self.edge_agent_conn_id))
            if site == client.site:
                raise
        client.close()
        return self._open(site).ask(call(site), patience)

    def _open(self, site: Site) -> Client:
        self._client = Client(site)
        weakref.finalize(self, self._client.close)
        return self._client

    # For triggers.

    async def asubmit(self, submit: Submit) -> Submitted:
        """Do what :meth:`submit` does."""
        keyed = _with_key(submit)
        return await self._aask(lambda site: calls.submit(_with_queue(keyed, site)))

    async def aget(self, job_id: UUID) -> CommandView:
        """Do what :meth:`get` does."""
        return await self._aask(_always(calls.get(job_id)))

    async def await_(self, commands: Sequence[Seen], wait_seconds: float = WAIT_SECONDS) -> News:
        """Do what :meth:`wait` does, with one held request for all that wait in this event loop.

        While there is no answer it returns without news when its time is over, and raises only after
        ``outage_seconds`` of that.
        """
        if wait_seconds <= 0 or not commands:
            looks = [await self._aask(_always(calls.watch(watch))) for watch in _watches(commands, 0.0)]
            return next((news for news in looks if news.commands or news.unknown), News())
        ends_at = time.monotonic() + wait_seconds
        return await self._with_shared(
            lambda shared: shared.watch.wait(commands, max(ends_at - time.monotonic(), 0.0), self.outage_seconds)
        )

    async def alogs(self, job_id: UUID, offset: int = 0, limit: int = LOG_BYTES) -> LogBytes:
        """Do what :meth:`logs` does."""
        return await self._aask(_always(calls.logs(job_id, offset, limit)))

    async def aoutput(self, job_id: UUID, stream: Stream = Stream.STDOUT, limit: int = OUTPUT_BYTES) -> Output:
        """Do what :meth:`output` does."""
        return await self._aask(_always(calls.output(job_id, stream, limit)))

    async def acancel(self, job_id: UUID, reason: str, *, only_if_unwanted: bool = False) -> CommandView:
        """Do what :meth:`cancel` does."""
        message = CancelCommand(reason=reason, only_if_unwanted=only_if_unwanted)
        return await self._aask(_always(calls.cancel(job_id, message)))

    async def _aask(self, call: Callable[[Site], Call[T]]) -> T:
        return await self._with_shared(lambda shared: shared.client.ask(call(shared.client.site), self.outage_seconds))

    async def _with_shared(self, ask: Callable[[SharedClient], Awaitable[T]]) -> T:
        site = self._site = self._site or site_of(await self.aget_connection(self.edge_agent_conn_id))
        try:
            async with shared_client(site) as shared:
                return await ask(shared)
        except Unauthenticated:
            self._site = site_of(await self.aget_connection(self.edge_agent_conn_id))
            if self._site == site:
                raise
        async with shared_client(self._site) as shared:
            return await ask(shared)


def _always(call: Call[T]) -> Callable[[Site], Call[T]]:
    return lambda _: call


def _watches(commands: Sequence[Seen], wait_seconds: float) -> list[Watch]:
    """Return requests for so many commands, each with its share of the time."""
    parts = [tuple(commands[start : start + MAX_WATCHED]) for start in range(0, len(commands), MAX_WATCHED)]
    return [Watch(commands=part, wait_seconds=wait_seconds / len(parts)) for part in parts]


def _with_key(submit: Submit) -> Submit:
    return submit if submit.key is not None else submit.model_copy(update={"key": str(uuid4())})


def _with_queue(submit: Submit, site: Site) -> Submit:
    if submit.queue is not None or submit.agent is not None or site.default_queue is None:
        return submit
    return submit.model_copy(update={"queue": site.default_queue})


def _in_words(rights: SubmitRights) -> str:
    queues = "any queue" if rights.queues is None else f"the queues {', '.join(rights.queues)}"
    users = "any user" if rights.run_as_users is None else ", ".join(rights.run_as_users) or "no other user"
    team = f" of team {rights.team}" if rights.team else ""
    return f"The token {rights.token!r}{team} may send commands to {queues}, to run as the agent's user or {users}."
