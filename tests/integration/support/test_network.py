"""The network of a test is a test's own."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.network import FAR, Network, why_not

WHY_NOT = why_not()


def of_this_machine():
    commands = (["ip", "-o", "address"], ["ip", "route"], ["nft", "list", "ruleset"], ["ip", "netns"])
    return [subprocess.run(command, check=True, capture_output=True).stdout for command in commands]


@pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
def test_this_machines_own_network_is_never_touched(tmp_path):
    before = of_this_machine()
    with Network(tmp_path) as network, network.listen_far() as listener:
        network.lose(100)
        assert of_this_machine() == before
        assert listener.getsockname()[0] == FAR
        network.recover()
        dial = f"import socket; socket.create_connection({listener.getsockname()!r}).sendall(b'hello')"
        subprocess.run(network.near("python3", "-c", dial), check=True)
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(10) == b"hello"
    assert of_this_machine() == before


def test_a_machine_that_cannot_have_one_says_what_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert str(why_not()).startswith("not installed: ip, nft, nsenter, unshare")
