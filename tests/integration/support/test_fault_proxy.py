"""The proxy in the way of everything else: each kind of fault does what its table says, and nothing more."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import httpx
import pytest

from tests.support.cuttable_server import CuttableServer
from tests.support.fault_proxy import FaultProxy
from tests.support.waiting import wait_until

HEARTBEAT = "/edge_agent/v1/agents/h1/heartbeat"
DONE = b'{"done": "' + b"x" * 1000 + b'"}'


class Recorded:
    """A server that does what it is asked, and remembers it."""

    def __init__(self):
        self.did = []
        self.server = CuttableServer(0, self.serve)

    def serve(self, asked):
        self.did.append((asked.method, asked.path, asked.body, asked.token))
        return 200, DONE, {"X-Its": "own"}


@pytest.fixture
def behind():
    it = Recorded()
    yield it
    it.server.cut()


@pytest.fixture
def line(behind):
    with FaultProxy([behind.server.port]) as proxy:
        yield proxy


@pytest.fixture
def client(line):
    with httpx.Client(base_url=line.url, timeout=1.0) as http:
        yield http


def ask(client, path=HEARTBEAT):
    return client.post(path, json={"number": 1}, headers={"Authorization": "Bearer secret"})


def test_what_no_fault_was_ordered_for_passes_as_it_is(behind, line, client):
    answers = [ask(client) for _ in range(3)]
    assert [(answer.status_code, answer.content, answer.headers["X-Its"]) for answer in answers] == [
        (200, DONE, "own")
    ] * 3
    assert behind.did == [("POST", HEARTBEAT, b'{"number":1}', "secret")] * 3
    assert [(call.verb, call.path, call.token) for call in line.orders.calls] == [
        ("heartbeat", "/agents/h1/heartbeat", "secret")
    ] * 3


@pytest.mark.parametrize("kind", ["lost", "torn"])
def test_a_request_that_does_not_arrive_is_not_done(behind, line, client, kind):
    line.orders.order("heartbeat", kind)
    with pytest.raises(httpx.TransportError):
        ask(client)
    assert ask(client).content == DONE
    assert len(behind.did) == 1


@pytest.mark.parametrize("kind", ["drop", "half"])
def test_an_answer_that_does_not_arrive_was_given(behind, line, client, kind):
    line.orders.order("heartbeat", kind)
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client)
    assert len(behind.did) == 1


def test_a_proxy_answers_for_a_server_that_was_not_asked(behind, line, client):
    line.orders.order("heartbeat", "html")
    line.orders.order("heartbeat", "status", status=429, headers={"Retry-After": "7"})
    page, refusal = ask(client), ask(client)
    assert (page.status_code, page.text) == (200, "<html>Please log in</html>")
    assert (refusal.status_code, refusal.headers["Retry-After"]) == (429, "7")
    assert behind.did == []


def test_a_delayed_answer_comes_when_it_is_released(behind, line, client):
    fault = line.orders.order("heartbeat", "delay")
    threading.Timer(0.2, fault.end).start()
    assert ask(client).content == DONE


def test_a_held_request_arrives_though_its_sender_has_gone(behind, line, client):
    fault = line.orders.order("heartbeat", "held")
    with pytest.raises(httpx.ReadTimeout):
        ask(client)
    assert behind.did == []
    fault.end()
    wait_until(lambda: len(behind.did), until=lambda done: done == 1, what="it arrives")


@pytest.mark.parametrize("kind", ["slow", "endless"])
def test_an_answer_in_drips_outlasts_a_limit_on_each_read(behind, line, kind):
    """Which is why such a limit is not enough."""
    fault = line.orders.order("heartbeat", kind, seconds=0.02)
    with socket.create_connection(("127.0.0.1", int(line.url.rpartition(":")[2])), timeout=1.0) as raw:
        raw.sendall(f"POST {HEARTBEAT} HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        got = b"".join(raw.recv(10) for _ in range(30))
        assert got.startswith(b"HTTP/1.1 200")
        assert len(got) < 100
        fault.end()
        while piece := raw.recv(65_536):
            got += piece
            if got.endswith(b'x"}'):
                break
    assert (b"\r\n\r\n" in got) == (kind == "slow")
    assert len(behind.did) == 1


def test_a_line_that_is_cut_lets_nothing_through_until_it_is_mended(behind, line, client):
    assert ask(client).is_success
    line.cut()
    with pytest.raises(httpx.TransportError):
        ask(client)
    line.mend()
    assert ask(client).is_success
    assert len(behind.did) == 2


def test_a_line_is_closed_without_a_word_whatever_is_under_way(behind, caplog):
    with FaultProxy([behind.server.port]) as line, httpx.Client(base_url=line.url) as client:
        asking = []
        for kind in ("held", "delay", "slow"):
            fault = line.orders.order("heartbeat", kind)
            asking.append(threading.Thread(target=ask_in_vain, args=(client,)))
            asking[-1].start()
            wait_until(lambda: fault.met, what=f"{kind} is met")  # noqa: B023  asked at once
    for thread in asking:
        thread.join()
    assert caplog.records == []


def ask_in_vain(client):
    with suppress(httpx.TransportError):
        ask(client)


def test_a_server_that_is_away_is_passed_by(behind):
    other = Recorded()
    with FaultProxy([other.server.port, behind.server.port]) as line, httpx.Client(base_url=line.url) as client:
        for _ in range(4):
            ask(client)
        assert (len(other.did), len(behind.did)) == (2, 2)
        other.server.cut()
        for _ in range(4):
            assert ask(client).is_success
    assert len(behind.did) == 6


def test_a_fault_is_met_as_often_as_it_was_ordered_and_by_its_own_verb(behind, line, client):
    fault = line.orders.order("*", "status", times=2)
    assert ask(client, "/api/v2/version").is_success
    assert [ask(client).status_code for _ in range(3)] == [503, 503, 200]
    assert fault.met == 2


def test_an_unknown_kind_of_fault_is_refused(line):
    with pytest.raises(ValueError, match="'lots' is no kind of fault"):
        line.orders.order("poll", "lots")
