"""``edge-agent check``: what is wrong, in plain words, before anything runs; and nothing else happens."""

from __future__ import annotations

import ssl
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from airflow_plugin.queue.signing_keys import SigningKeys
from tests.support.agent_host import AgentHost
from tests.support.certificates import Authority
from tests.support.fake_queue import AGENT_TOKEN, FakeQueue
from tests.support.ports import free_port


@pytest.fixture
def check(tmp_path):
    """Give a function that runs the check of a host with these settings; it returns exit code and lines."""

    def run(url, **settings):
        variables = {f"EDGE_AGENT_{key.upper()}": str(value) for key, value in settings.items()}
        host = AgentHost(
            tmp_path / "h1",
            url=url,
            name="h1",
            token=AGENT_TOKEN,
            queues=["q"],
            settings={"EDGE_AGENT_KINDS": "command", **variables},
        )
        done = host.run("check")
        assert done.stderr == ""
        return done.returncode, done.stdout

    return run


def test_all_is_well(check, queue):
    code, said = check(queue.url)
    assert code == 0
    for words in ("ok   disk", "ok   address: a queue API answers", "ok   registration: 'h1' may", "ok   clock"):
        assert words in said
    assert queue.registrations == []


def test_a_running_agent_is_named_and_its_session_stays(check, queue, agent):
    session = queue.session
    code, said = check(queue.url, state_dir=agent.state)
    assert (code, queue.session) == (0, session)
    assert f"agent 'h1' (pid {agent.process.pid}) runs with it now" in said


def test_a_disk_with_less_room_than_logs_may_take_is_worth_a_note(check, queue):
    code, said = check(queue.url, spool_megabytes=10**9)
    assert code == 0
    assert "note disk: logs may take 1000000000 MB while Airflow is away (EDGE_AGENT_SPOOL_MEGABYTES)" in said


def test_nobody_listens(check):
    code, said = check(f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert "nobody listens at that address and port" in said


def test_the_name_is_unknown(check):
    code, said = check("https://no-such-host.invalid")
    assert code == 1
    assert "its name is not known here" in said


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ({"/api/v2/version": b'{"version": "3.3.2"}'}, "Airflow 3.3.2 answers at"),
        ({"/edge_agent/v1/health": b"<html>log in</html>"}, "is no Airflow"),
        ({}, "is no Airflow"),
        ({"/edge_agent/v1/health": 302}, "leads to https://elsewhere.example/airflow;"),
    ],
)
def test_something_else_answers(check, pages, words):
    with Pages(pages) as url:
        code, said = check(url)
    assert code == 1
    assert words in said


def test_the_token_is_not_known(check, queue):
    code, said = check(queue.url, token="eat_0123456789ab_another-token-altogether")
    assert code == 1
    assert "FAIL registration: refused: This agent token is not known here." in said
    assert "another-token" not in said


def test_a_queue_is_not_allowed(check, queue):
    queue.allowed_queues = {"other"}
    code, said = check(queue.url)
    assert code == 1
    assert "does not allow queue q" in said


def test_a_token_file_that_others_can_read_is_refused(check, queue, tmp_path):
    file = tmp_path / "token"
    file.write_text(AGENT_TOKEN)
    file.chmod(0o644)
    code, said = check(queue.url, token="", token_file=file)
    assert code == 1
    assert f"chmod 600 {file}" in said


def test_a_clock_that_is_off_is_a_note_and_no_fault(check, queue):
    queue.clock_is_ahead = timedelta(minutes=10)
    code, said = check(queue.url)
    assert code == 0
    assert "note clock: 600 s behind the server's" in said


def test_a_state_directory_that_cannot_be_made(check, queue, tmp_path):
    (tmp_path / "file").touch()
    code, said = check(queue.url, state_dir=tmp_path / "file" / "state")
    assert code == 1
    assert "FAIL disk: The state directory" in said
    assert "EDGE_AGENT_STATE_DIR" in said


def test_an_authority_is_trusted_when_it_is_given(check, certificate):
    ca_file, context = certificate()
    with FakeQueue(tls=context) as queue:
        assert check(queue.url, ca_file=ca_file)[0] == 0


@pytest.mark.parametrize(
    ("made", "given", "words"),
    [
        ({}, False, "comes from an authority not trusted here; set EDGE_AGENT_CA_FILE"),
        ({"address": "10.1.2.3"}, True, "is for another address"),
        ({"age": timedelta(days=30)}, True, "has expired"),
        ({"age": timedelta(days=-30)}, True, "is not valid yet"),
    ],
)
def test_a_certificate_is_wrong(check, certificate, made, given, words):
    ca_file, context = certificate(**made)
    with FakeQueue(tls=context) as queue:
        code, said = check(queue.url, **({"ca_file": ca_file} if given else {}))
    assert code == 1
    assert words in said


def test_https_to_a_port_that_speaks_http(check, queue):
    code, said = check(queue.url.replace("http:", "https:"))
    assert code == 1
    assert "does not speak TLS" in said


def test_a_file_of_authorities_that_holds_none(check, queue, tmp_path):
    (tmp_path / "empty.pem").touch()
    code, said = check(queue.url, ca_file=tmp_path / "empty.pem")
    assert code == 1
    assert "EDGE_AGENT_CA_FILE" in said


class Pages:
    """Any web server: some pages, and 404 for the rest. A page that is a number is a redirect."""

    def __init__(self, pages):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path, 404)
                self.send_response(page if isinstance(page, int) else 200)
                self.send_header("Location", "https://elsewhere.example/airflow?token=1")
                self.end_headers()
                self.wfile.write(page if isinstance(page, bytes) else b"")

            do_POST = do_GET  # noqa: N815  http.server looks for that name

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def certificate(tmp_path):
    """Give a function that makes an authority and a server's certificate; returns its file and a context."""

    def make(*, address="127.0.0.1", age=timedelta()):
        authority = Authority(tmp_path / "authority")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.issue("server", addresses=(address,), age=age))
        return authority.file, context

    return make


def test_the_key_of_a_server_that_was_never_met_is_named_and_not_pinned(check, queue, tmp_path):
    code, said = check(queue.url)
    assert code == 0
    assert f"note server key: the first registration pins {queue.keys.published[0].id}" in said
    assert not (tmp_path / "h1" / "state" / "server_keys.json").exists()


def test_the_key_that_is_pinned_is_named(check, queue, agent):
    _, said = check(queue.url, state_dir=agent.state)
    assert f"ok   server key: only jobs that are signed by {queue.keys.published[0].id} start here" in said


def test_a_server_with_another_key_than_the_pinned_one_is_a_failure(check, queue, agent):
    queue.keys = SigningKeys([b"s" * 32])
    code, said = check(queue.url, state_dir=agent.state)
    assert code == 1
    assert "FAIL server key: This is not the server that this host knows" in said


def test_a_server_that_signs_nothing_is_worth_a_note(check, queue):
    queue.keys = SigningKeys([])
    code, said = check(queue.url)
    assert code == 0
    assert "note server key: The server does not sign its jobs" in said
