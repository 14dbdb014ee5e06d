"""A host's line to its servers: an HTTP proxy that does to requests and answers what was ordered.

It stands for the network and for a load balancer: each request goes to the next server in turn that takes
it. Requests are read whole before they are sent on; answers pass as they come. Nothing is changed on the
way but what a fault says.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, Self, TypeVar

import h11

from edge_agent.protocol import routes
from tests.support.faults import AFTER, BEFORE, Call, Fault, Orders, verb_of
from tests.support.waiting import wait_until_async

PIECE_BYTES = 65_536
PAGE = b"<html>Please log in</html>"
_HTML = {"Content-Type": "text/html"}
T = TypeVar("T")


class FaultProxy:
    """One line, from its making until it is closed. A context manager; ``orders`` is what a test talks to.

    ``ports``: of the servers, on this machine. ``listener``: a socket that listens, where it is to be
    another than one of the loopback interface.
    """

    def __init__(
        self,
        ports: Sequence[int],
        *,
        orders: Orders | None = None,
        listener: socket.socket | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.orders = orders or Orders()
        self._listener = listener or socket.create_server(("127.0.0.1", 0), backlog=128)
        self._scheme = "https" if tls else "http"
        self._ports = list(ports)
        self._turns = itertools.count()
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"line {self.url}")
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, sock=self._listener, ssl=tls))

    @property
    def url(self) -> str:
        """Where the host's end is."""
        host, port = self._listener.getsockname()
        return f"{self._scheme}://{host}:{port}"

    def cut(self) -> None:
        """Break every connection and let none through, as a pulled cable does, but at once."""
        self._is_cut = True
        self._do(self._break())

    def mend(self) -> None:
        """Let connections through again."""
        self._is_cut = False

    def close(self) -> None:
        """End it."""
        self._do(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _finish(self) -> None:
        self._server.close()
        await self._break()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _break(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # by close(); asyncio takes a cancelled one for a defect, and logs it
            await self._carry(reader, writer)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection's requests until either side has had enough."""
        self._open.add(writer)
        near = _End(h11.Connection(h11.SERVER), reader, writer)
        try:
            with suppress(OSError, h11.ProtocolError):
                while not self._is_cut and await self._exchange(near):
                    near.http.start_next_cycle()
        finally:
            await self._hang_up(writer)

    async def _exchange(self, near: _End) -> bool:
        """Carry one request and its answer. False: the connection is to be closed."""
        request = await near.next()
        if not isinstance(request, h11.Request):
            return False
        body = await near.body()
        call = _call(request, body)
        self.orders.calls.append(call)
        fault = self.orders.take(call.verb, BEFORE)
        if fault is not None and fault.kind in {"lost", "html", "status"}:
            return await _refuse(near, fault)
        if fault is not None and fault.kind == "held":
            await _pause(fault)
        far = await self._connect()
        try:
            head, rest = far.wire(request), far.wire(h11.Data(data=body), last=True)
            if fault is not None and fault.kind == "torn":
                await far.write(_first_half(head, rest))
                return False
            await far.write(head + rest)
            answer = await far.next() if fault else await _answer_for(near, far)
            return await self._pass_on(answer, far, near, self.orders.take(call.verb, AFTER))
        finally:
            await self._hang_up(far.writer)

    async def _pass_on(self, answer: Any, far: _End, near: _End, fault: Fault | None) -> bool:
        """Pass an answer on, the head of which is there. False: the connection is to be closed."""
        if fault is not None:
            return await _spoil(near.wire(answer), near.wire(h11.Data(data=await far.body()), last=True), near, fault)
        while not isinstance(answer, h11.EndOfMessage):
            await near.write(near.wire(answer))
            answer = await far.next()
        await near.write(near.wire(answer))
        return True

    async def _connect(self) -> _End:
        """Connect to the next server that takes it.

        :raises OSError: when none does, or the line is cut.
        """
        first = next(self._turns)
        for number in range(0 if self._is_cut else len(self._ports)):
            with suppress(OSError):
                port = self._ports[(first + number) % len(self._ports)]
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                self._open.add(writer)
                return _End(h11.Connection(h11.CLIENT), reader, writer)
        raise ConnectionRefusedError

    async def _hang_up(self, writer: asyncio.StreamWriter) -> None:
        """Close when all that was sent is out."""
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        self._open.discard(writer)


class _End:
    """One end of an exchange, in the words of HTTP."""

    def __init__(self, http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.http = http
        self.reader = reader
        self.writer = writer

    async def next(self) -> Any:
        """Return what comes next.

        :raises h11.RemoteProtocolError: when the other side closed in the middle of something.
        """
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(await self.reader.read(PIECE_BYTES))
        return event

    async def body(self) -> bytes:
        """Return the whole body of what has begun."""
        body = b""
        while isinstance(event := await self.next(), h11.Data):
            body += event.data
        return body

    def wire(self, event: Any, *, last: bool = False) -> bytes:
        """Return an event as bytes; ``last``: and the end of its message."""
        return (self.http.send(event) or b"") + ((self.http.send(h11.EndOfMessage()) or b"") if last else b"")

    async def write(self, wire: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(wire)
        await self.writer.drain()


def _call(request: h11.Request, body: bytes) -> Call:
    method, path = request.method.decode(), request.target.decode()
    token = dict(request.headers).get(b"authorization", b"").decode().removeprefix("Bearer ")
    return Call(verb_of(method, path), path.partition("?")[0].removeprefix(routes.BASE), body, token, time.monotonic())


async def _answer_for(near: _End, far: _End) -> Any:
    """Return the head of an answer, unless who asked has gone.

    :raises ConnectionResetError: when it has; the server's end is closed then, too.
    """
    answer = asyncio.ensure_future(far.next())
    # Nobody here sends a second request before it has the answer to the first: what comes is the end.
    gone = asyncio.ensure_future(near.reader.read(1))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ConnectionResetError
        return answer.result()
    finally:
        answer.cancel()
        gone.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)


async def _refuse(near: _End, fault: Fault) -> bool:
    """Answer, or close, before anything was done."""
    if fault.kind == "lost":
        return False
    status, page = (200, PAGE) if fault.kind == "html" else (fault.status, fault.body)
    headers = _HTML | {"Content-Length": str(len(page))} | (fault.headers if fault.kind == "status" else {})
    head = near.wire(h11.Response(status_code=status, headers=list(headers.items())))
    await near.write(head + near.wire(h11.Data(data=page), last=True))
    return True


async def _spoil(head: bytes, rest: bytes, near: _End, fault: Fault) -> bool:
    """Do to an answer what was ordered. False: the connection is to be closed."""
    if fault.kind == "delay":
        await _pause(fault)
        await near.write(head + rest)
    elif fault.kind == "half":
        await near.write(_first_half(head, rest))
    elif fault.kind == "slow":
        sent = await _drip(near, head + rest, fault)
        await near.write((head + rest)[sent:])
    elif fault.kind == "endless":
        await _drip(near, head.removesuffix(b"\r\n") + b"X-More: of it\r\n" * 1000, fault)
    return fault.kind in {"delay", "slow"}


def _first_half(head: bytes, rest: bytes) -> bytes:
    """Return a message up to the middle of its body; of one without, up to the middle of its head."""
    return head + rest[: len(rest) // 2] if rest else head[: len(head) // 2]


async def _drip(near: _End, wire: bytes, fault: Fault) -> int:
    """Send a byte at a time until the fault is over; return how many."""
    for number in range(len(wire)):
        if fault.release.is_set():
            return number
        await near.write(wire[number : number + 1])
        await _pause(fault)
    return len(wire)


async def _pause(fault: Fault) -> None:
    due = time.monotonic() + fault.seconds
    await wait_until_async(
        lambda: fault.release.is_set() or time.monotonic() >= due,
        what="a pause is over",
        timeout=fault.seconds + 60,
    )
