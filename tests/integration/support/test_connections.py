"""Connections that processes hold are counted from what the kernel says."""

from __future__ import annotations

import os
import socket

from tests.bench.commands.connections import held_to


def test_connections_are_those_of_the_processes_and_to_the_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert held_to(port, [os.getpid()]) == 0
        with socket.create_connection(server.getsockname()), socket.create_connection(server.getsockname()):
            assert held_to(port, [os.getpid()]) == 2
            assert held_to(port, []) == 0
            assert held_to(port + 1, [os.getpid()]) == 0
