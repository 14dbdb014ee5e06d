"""The server of probes: what it answers, and that nobody who asks can wear it out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edge_agent import probes
from edge_agent.errors import SettingsError
from edge_agent.probes import MOST_CALLERS, Page, Probes, listen, verdict_page
from edge_agent.status.report import Verdict
from tests.support.ports import free_port
from tests.support.waiting import wait_until_async

NO = Verdict(ok=False, reasons=("It drains.",))


def fail():
    raise RuntimeError("a defect")


PAGES = {
    "/live": verdict_page("live", lambda: Verdict(ok=True)),
    "/ready": verdict_page("ready", lambda: NO),
    "/metrics": lambda: ("text/plain; version=0.0.4", b"edge_agent_up 1\n"),
    "/empty": lambda: Page("text/plain", b""),
    "/large": lambda: Page("text/plain", b"x" * 1_000_000),
    "/wrong": fail,
}


class Bed:
    """A server on a port of its own."""

    def __init__(self):
        self.port = 0

    async def open(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.server = Probes(PAGES)
        await self.server.open(listener)

    async def ask(self, path, method="GET", **more):
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.request(method, f"http://127.0.0.1:{self.port}{path}", **more)

    async def say(self, sent):
        """Send bytes and the end of them; return what comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        said = b""
        with contextlib.suppress(OSError):
            writer.write(sent)
            writer.write_eof()
            said = await reader.read()
        writer.transport.abort()
        return said


@contextlib.asynccontextmanager
async def served():
    bed = Bed()
    await bed.open()
    try:
        yield bed
    finally:
        bed.server.close()


@pytest.fixture
async def bed():
    async with served() as it:
        yield it


async def test_a_verdict_is_a_status_and_its_reasons(bed):
    live, ready = await bed.ask("/live"), await bed.ask("/ready?verbose=1")
    assert (live.status_code, live.json()) == (200, {"live": True, "reasons": []})
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "reasons": ["It drains."]})
    assert live.headers["Content-Type"] == "application/json"
    assert live.headers["Cache-Control"] == "no-store"


async def test_whatever_is_on_the_table_is_answered_as_it_says(bed):
    page = await bed.ask("/metrics")
    assert (page.status_code, page.headers["Content-Type"], page.text) == (
        200,
        "text/plain; version=0.0.4",
        "edge_agent_up 1\n",
    )
    assert len((await bed.ask("/large")).content) == 1_000_000
    assert (await bed.ask("/empty")).content == b""


async def test_head_is_get_without_the_page(bed):
    page = await bed.ask("/ready", "HEAD")
    assert (page.status_code, page.content) == (503, b"")
    assert int(page.headers["Content-Length"]) == len((await bed.ask("/ready")).content)


@pytest.mark.parametrize("path", ["/", "/live/", "/LIVE", "/metrics/x", "/..", "/%6Cive", "/status.sock"])
async def test_nothing_else_is_there(bed, path):
    for method in ("GET", "HEAD", "POST"):
        assert (await bed.ask(path, method)).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
async def test_nothing_can_be_done(bed, method):
    refused = await bed.ask("/live", method, content=b"x" * 1000)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /live HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /live HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"431"),
        (b"GET /live HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000, b"431"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"GET /live HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /live HTTP/1.1\r\nHost: a\r\n\r\nGET /ready HTTP/1.1\r\nHost: a\r\n\r\n", b"200"),
        (b"GET /live HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", b"200"),
        (b"GET /live HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", b"200"),
    ],
    ids=str,
)
async def test_a_request_is_answered_once_or_refused(bed, sent, status):
    said = await bed.say(sent)
    assert said.startswith(b"HTTP/1.1 " + status)
    assert said.count(b"HTTP/1.1") == 1
    assert b"connection: close" in said.lower()


async def test_a_page_that_cannot_be_made_is_a_500_and_the_log_says_why(bed, caplog):
    assert (await bed.ask("/wrong")).status_code == 500
    (record,) = [each for each in caplog.records if each.name == "edge_agent.probes"]
    assert (record.event, "a defect" in str(record.exc_info)) == ("probe_failed", True)
    assert (await bed.ask("/live")).status_code == 200


REQUEST = b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n"


def _with_slips(pieces):
    """Return a request with a few bytes of it replaced."""
    made = bytearray(REQUEST)
    for at, piece in pieces:
        made[at % len(REQUEST) : at % len(REQUEST) + len(piece)] = piece
    return bytes(made)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=300),
            st.lists(st.tuples(st.integers(0, 99), st.binary(max_size=4)), max_size=5).map(_with_slips),
        ),
        min_size=1,
        max_size=8,
    )
)
@example([b"GET \xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n", b"", b"\r\n" * 50, b"\0" * 300])
def test_whatever_bytes_come_the_server_lives_and_says_nothing_else(sent):
    async def said_to_all():
        async with served() as bed:
            said = await asyncio.gather(*map(bed.say, sent))
            assert (await bed.say(REQUEST)).startswith(b"HTTP/1.1 200")
            return said

    errors: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: errors.append(record.getMessage())  # type: ignore[method-assign]  # all it is for
    logging.getLogger().addHandler(handler)
    try:
        for said in asyncio.run(said_to_all()):
            assert not said or said[:12] in {b"HTTP/1.1 %d" % status for status in (200, 400, 404, 405, 431, 501, 503)}
    finally:
        logging.getLogger().removeHandler(handler)
    assert errors == []


async def test_who_says_nothing_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(probes, "CALL_SECONDS", 0.2)
    async with served() as bed:
        reader, writer = await asyncio.open_connection("127.0.0.1", bed.port)
        writer.write(b"GET /li")
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.transport.abort()


async def test_who_takes_nothing_is_hung_up_on_and_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(probes, "CALL_SECONDS", 0.5)
    async with served() as bed:
        slow = socket.create_connection(("127.0.0.1", bed.port))
        with slow:
            slow.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await bed.ask("/live")).status_code == 200
            await wait_until_async(lambda: len(bed.server._calls) == 0, what="it is hung up on")  # noqa: SLF001  a count


async def test_a_crowd_that_says_nothing_keeps_nobody_out(bed):
    """The newest caller gets the place of the oldest: those who hold all places do not keep the probes out."""
    crowd = [await asyncio.open_connection("127.0.0.1", bed.port) for _ in range(3 * MOST_CALLERS)]
    try:
        for _ in range(5):
            assert (await bed.ask("/live")).status_code == 200
        assert len(bed.server._calls) <= MOST_CALLERS  # noqa: SLF001  a count
    finally:
        for _, writer in crowd:
            writer.transport.abort()


async def test_a_port_that_is_taken_is_said_with_the_setting(bed):
    with pytest.raises(SettingsError, match=rf"EDGE_AGENT_HEALTH_ADDRESS: cannot listen on 127.0.0.1:{bed.port}: "):
        listen(f"127.0.0.1:{bed.port}")


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_this_hosts_is_said_with_the_setting(host):
    with pytest.raises(SettingsError, match=f"EDGE_AGENT_HEALTH_ADDRESS: cannot listen on {host}:1"):
        listen(f"{host}:1")


async def test_every_address_of_ipv6_is_every_address():
    port = free_port()
    server = Probes(PAGES)
    await server.open(listen(f"[::]:{port}"))
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            for host in ("127.0.0.1", "[::1]"):
                assert (await client.get(f"http://{host}:{port}/live")).status_code == 200
    finally:
        server.close()


def test_a_server_that_was_never_opened_can_be_closed():
    Probes(PAGES).close()
