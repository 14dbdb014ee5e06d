"""Whom a connection trusts, and who it says we are."""

from __future__ import annotations

import socket
import ssl
from uuid import uuid4

import pytest

from airflow_plugin.commands import errors
from airflow_plugin.hooks.edge_agent import EdgeAgentHook
from edge_agent.protocol.commands import Seen
from tests.support.certificates import Authority
from tests.support.cuttable_server import CuttableServer
from tests.support.fake_commands import FakeCommands


class Choosy(CuttableServer):
    """Says why it breaks off a handshake, as asyncio's servers do not."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(0, lambda asked: (200, b"{}", {}))

    def get_request(self):
        connection, address = super().get_request()
        connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        try:
            connection.do_handshake()
        except ssl.SSLError:
            # What is still to be read would make the end a reset, which overtakes what was said.
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
            connection.close()
            raise
        return connection, address


@pytest.fixture
def authority(tmp_path):
    """Give the authority of servers."""
    return Authority(tmp_path / "servers")


@pytest.fixture
def clients(tmp_path):
    """Give the authority of clients."""
    return Authority(tmp_path / "clients", "Clients")


def context_of(authority, clients, address="127.0.0.1"):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.issue("server", addresses=(address,)))
    if clients is not None:
        context.load_verify_locations(clients.file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def listening(authority):
    """Give a function that starts a server with TLS; ``clients``: whose certificates it asks for."""
    servers = []

    def listen(*, clients=None, address="127.0.0.1"):
        servers.append(FakeCommands(tls=context_of(authority, clients, address)))
        return servers[-1]

    yield listen
    for server in servers:
        server.__exit__()


async def works():
    hook = EdgeAgentHook(outage_seconds=20)
    assert hook.test_connection()[0], hook.test_connection()[1]
    assert len((await hook.await_([Seen(id=uuid4())], 5)).unknown) == 1


async def refused(words):
    for hook in (EdgeAgentHook(), EdgeAgentHook(outage_seconds=None)):
        with pytest.raises(errors.CommandsError, match=words) as said:
            hook.rights()
        assert "planted" not in str(said.value)
        with pytest.raises(errors.CommandsError, match=words):
            await hook.await_([Seen(id=uuid4())], 30)


async def test_an_authority_is_trusted_from_a_file_or_as_text(listening, authority, connect):
    server = listening()
    connect(server.url, ca_file=str(authority.file))
    await works()
    connect(server.url, ca_pem=authority.file.read_text())
    await works()


async def test_a_server_nobody_vouches_for_is_refused_at_once(listening, clients, connect):
    server = listening()
    connect(server.url)
    await refused("CERTIFICATE_VERIFY_FAILED.*'ca_file'")
    connect(server.url, ca_file=str(clients.file))
    await refused("CERTIFICATE_VERIFY_FAILED.*'ca_file'")


async def test_a_certificate_for_another_name_is_refused(listening, authority, connect):
    connect(listening(address="127.0.0.2").url, ca_file=str(authority.file))
    await refused("CERTIFICATE_VERIFY_FAILED")


async def test_any_certificate_will_do_where_the_connection_says_so(listening, connect):
    connect(listening(address="127.0.0.2").url, verify=False)
    await works()


async def test_we_show_our_certificate_to_a_server_that_asks_for_one(listening, authority, clients, connect, tmp_path):
    server = listening(clients=clients)
    both = clients.issue("task")
    connect(server.url, ca_file=str(authority.file), client_cert_file=str(both))
    await works()
    text = both.read_text()
    (key := tmp_path / "key.pem").write_text(text[: text.index("-----BEGIN CERTIFICATE")])
    (certificate := tmp_path / "cert.pem").write_text(text[text.index("-----BEGIN CERTIFICATE") :])
    files = {"client_cert_file": str(certificate), "client_key_file": str(key)}
    connect(server.url, ca_file=str(authority.file), **files)
    await works()


@pytest.mark.parametrize("shown", ["none", "one of another authority"])
async def test_a_server_that_does_not_take_our_certificate_is_not_asked_again(
    authority, clients, connect, shown, tmp_path
):
    server = Choosy(context_of(authority, clients))
    try:
        file = Authority(tmp_path / "others", "Others").issue("task")
        own = {} if shown == "none" else {"client_cert_file": str(file)}
        connect(f"https://127.0.0.1:{server.port}", ca_file=str(authority.file), **own)
        await refused("'client_cert_file' of the connection")
    finally:
        server.cut()


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"ca_file": "/not/there.pem"}, "ca_file: /not/there.pem holds no certificates that can be read here"),
        ({"ca_pem": "planted"}, "ca_pem holds no certificates"),
        ({"client_cert_file": "/not/there.pem"}, "cannot read /not/there.pem here"),
    ],
    ids=["no file", "no PEM", "no certificate"],
)
async def test_files_that_cannot_be_read_are_named(extra, words, connect):
    connect("https://127.0.0.1:1", **extra)
    await refused(words)


async def test_a_certificate_and_the_key_of_another_are_refused(clients, connect):
    connect("https://127.0.0.1:1", client_cert_file=str(clients.issue("a")), client_key_file=str(clients.issue("b")))
    await refused("hold no certificate with its key")
