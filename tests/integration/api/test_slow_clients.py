"""Clients that send a byte at a time, by the dozen: nobody else waits for them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from edge_agent.protocol import VERSION_HEADER, routes

SLOW_CLIENTS = 150
"""More than there are threads (40) and connections to the database (15) in an API server."""
PAUSE_SECONDS = 0.05
STUCK_SECONDS = 20.0


def request(path: str, token: str, body_bytes: int) -> bytes:
    head = [
        f"POST {routes.BASE}{path} HTTP/1.1",
        "Host: airflow",
        f"Authorization: Bearer {token}",
        f"{VERSION_HEADER}: 1",
        "Content-Type: application/json",
        f"Content-Length: {body_bytes}",
    ]
    return "\r\n".join([*head, "", ""]).encode()


@pytest.fixture
def slow(agent, api_bed) -> Iterator[None]:
    """Keep clients of an agent's that are in the middle of their headers, of a beat, or of a log chunk."""
    agent.register()
    bodies = [routes.heartbeat(agent.name), routes.logs(uuid4()) + "?offset=0"]
    wires = [request(path, agent.session_token, 900) for path in bodies]
    address = ("127.0.0.1", urlsplit(api_bed.url).port)
    over = threading.Event()
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(address)) for _ in range(SLOW_CLIENTS)]
        for number, client in enumerate(clients):
            # Every third has only begun its headers; the others are past them, and have begun their bodies.
            client.sendall(wires[0][:60] if number % 3 == 0 else wires[number % 3 - 1])
        sending = threading.Thread(target=drip, args=(clients, over))
        sending.start()
        yield
        over.set()
        sending.join()


def drip(clients: list[socket.socket], over: threading.Event) -> None:
    while not over.wait(PAUSE_SECONDS):
        for client in clients:
            with suppress(OSError):  # a server may have had enough of it
                client.send(b" ")


def test_clients_that_send_a_byte_at_a_time_hold_up_no_other(slow, agent, submit, job):
    """The life of a job, with the patience of an agent."""
    agent.http.timeout = httpx.Timeout(STUCK_SECONDS)
    job_id = submit(agent)
    (offer,) = agent.poll(beat=True)["offers"]
    assert agent.confirm(offer["assignment_id"])["confirmed"]
    assert agent.ask(routes.logs(offer["assignment_id"]) + "?offset=0", "said").is_success
    agent.report(offer["assignment_id"])
    assert job(job_id).state == "succeeded"
