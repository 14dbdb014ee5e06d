"""What stands between an agent and Airflow: ingresses that ask for certificates, proxies, IPv6; how it is told."""

from __future__ import annotations

import ssl
from contextlib import closing
from datetime import timedelta

import httpx
import pytest

from edge_agent.protocol import VERSION_HEADER, JobKind, JobState
from tests.integration.agent.steps import ended
from tests.support.agent_host import AgentHost
from tests.support.certificates import Authority
from tests.support.cuttable_server import Answer, Asked, CuttableServer
from tests.support.execution_api import ExecutionApi
from tests.support.fake_queue import AGENT_TOKEN, FakeQueue, Job
from tests.support.http_proxy import HttpProxy
from tests.support.ingress import Ingress
from tests.support.task_site import task
from tests.support.waiting import wait_until

LOGIN = "agent:planted-password"


class TlsServer(CuttableServer):
    """Passes on what comes, and says why it breaks off a handshake, as asyncio's servers do not."""

    def __init__(self, context: ssl.SSLContext, onward: str) -> None:
        self._context = context
        self._onward = onward
        super().__init__(0, self._pass_on)
        self.url = f"https://127.0.0.1:{self.port}"

    def get_request(self):
        connection, address = super().get_request()
        return self._context.wrap_socket(connection, server_side=True), address

    def close(self) -> None:
        self.cut()

    def _pass_on(self, asked: Asked) -> Answer:
        answer = httpx.request(
            asked.method, self._onward + asked.target, content=asked.body, headers=dict(asked.headers)
        )
        return answer.status_code, answer.content, {VERSION_HEADER: answer.headers[VERSION_HEADER]}


@pytest.fixture
def authority(tmp_path):
    """Give the authority of servers."""
    return Authority(tmp_path / "servers")


@pytest.fixture
def clients(tmp_path):
    """Give the authority of agents."""
    return Authority(tmp_path / "clients", "Agents")


@pytest.fixture
def ingress(tmp_path, queue, authority, clients):
    """Give an ingress that lets nobody in without a certificate of ``clients``."""
    certificate = authority.issue("server", addresses=("127.0.0.1", "::1"))
    with Ingress(tmp_path / "nginx", certificate, queue=queue.url, clients=clients.file) as it:
        yield it


@pytest.fixture
def open_ingress(tmp_path, queue, authority):
    """Give an ingress that lets everybody in."""
    certificate = authority.issue("server", addresses=("127.0.0.1", "::1"))
    with Ingress(tmp_path / "nginx", certificate, queue=queue.url) as it:
        yield it


@pytest.fixture
def host(tmp_path, authority):
    """Give a function that makes a host with these settings; its agent ends with the test."""
    made: list[AgentHost] = []

    def make(url, *, environment=None, dags=None, **settings):
        settings = {"kinds": "command", "ca_file": authority.file} | settings
        variables = {f"EDGE_AGENT_{name.upper()}": str(value) for name, value in settings.items()}
        name = f"h{len(made)}"
        made.append(
            AgentHost(
                tmp_path / name,
                url=url,
                name=name,
                token=AGENT_TOKEN,
                queues=["q"],
                dags=dags,
                settings=variables | (environment or {}),
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.power_off()


def says(host, words, *, code=1):
    done = host.run("check")
    assert done.stderr == ""
    assert words in done.stdout
    assert "planted" not in done.stdout
    assert done.returncode == code


def works(queue, host):
    job = queue.submit("echo there")
    host.start()
    assert ended(job).state is JobState.SUCCEEDED
    assert bytes(job.log) == b"there\n"


def test_an_agent_shows_its_certificate_to_an_ingress_that_asks_for_one(queue, ingress, clients, host):
    agent = host(ingress.url(), client_cert_file=clients.issue("h0"))
    says(agent, "may register for q", code=0)
    works(queue, agent)


def test_certificate_and_key_may_be_two_files(ingress, clients, host, tmp_path):
    both = clients.issue("h0").read_text()
    (key := tmp_path / "key.pem").touch(mode=0o600)
    key.write_text(both[: both.index("-----BEGIN CERTIFICATE")])
    (certificate := tmp_path / "cert.pem").write_text(both[both.index("-----BEGIN CERTIFICATE") :])
    says(host(ingress.url(), client_cert_file=certificate, client_key_file=key), "may register for q", code=0)
    says(
        host(ingress.url(), client_cert_file=certificate, client_key_file=clients.issue("other")), "no certificate with"
    )


def test_check_says_that_a_certificate_is_wanted(ingress, host):
    says(host(ingress.url()), "it wants a client certificate; set EDGE_AGENT_CLIENT_CERT_FILE")


def test_check_says_that_a_certificate_is_refused(ingress, host, tmp_path, clients):
    stranger = Authority(tmp_path / "strangers", "Strangers").issue("h0")
    says(host(ingress.url(), client_cert_file=stranger), "it refuses our client certificate")
    old = clients.issue("old", age=timedelta(days=30))
    says(host(ingress.url(), client_cert_file=old), "has expired or was revoked")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
def test_check_says_it_too_of_a_server_that_breaks_off_in_the_handshake(host, authority, clients, tmp_path, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("server", addresses=("127.0.0.1",)))
    context.load_verify_locations(clients.file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    stranger = Authority(tmp_path / "strangers", "Strangers").issue("h0")
    with FakeQueue() as queue, closing(TlsServer(context, queue.url)) as server:
        # What it says of it, or that it breaks off: the one may overtake the other.
        says(host(server.url), "a client certificate")
        says(host(server.url, client_cert_file=stranger), "client certificate")
        says(host(server.url, client_cert_file=clients.issue("right")), "may register for q", code=0)


def test_an_agent_reaches_a_server_by_its_ipv6_address(queue, open_ingress, host):
    works(queue, host(open_ingress.url("[::1]")))
    assert "::1 - " in open_ingress.heard()


def test_an_agent_goes_through_the_proxy_that_is_set(queue, open_ingress, host):
    with HttpProxy() as proxy:
        agent = host(open_ingress.url(), proxy=f"http://{proxy.address}")
        says(agent, f"note proxy: goes through http://{proxy.address} (EDGE_AGENT_PROXY)", code=0)
        works(queue, agent)
        agent.stop()
        assert {*proxy.asked} == {f"127.0.0.1:{open_ingress.port}"}


def test_a_proxy_gets_the_login_it_asks_for_and_nobody_else_does(queue, open_ingress, host):
    with HttpProxy(login=LOGIN) as proxy:
        agent = host(open_ingress.url(), proxy=f"http://{LOGIN}@{proxy.address}", log_level="debug")
        says(agent, f"goes through http://{proxy.address} (EDGE_AGENT_PROXY)", code=0)
        works(queue, agent)
        agent.stop()
        assert "planted" not in agent.output()


def test_check_says_that_a_proxy_wants_a_login_or_another_one(open_ingress, host):
    with HttpProxy(login=LOGIN) as proxy:
        for address in (proxy.address, f"agent:wrong@{proxy.address}"):
            says(host(open_ingress.url(), proxy=f"http://{address}"), "the proxy wants a login, or another one")


def test_check_says_that_a_proxy_lets_nobody_through(open_ingress, host):
    with HttpProxy(refuses=True) as proxy:
        says(host(open_ingress.url(), proxy=f"http://{proxy.address}"), "the proxy lets nobody through to it (403")


def test_the_proxy_of_the_environment_is_taken_and_its_exceptions_are(host):
    """The address is one that no name server knows: only the proxy is asked for it, or nobody."""
    with HttpProxy(refuses=True) as proxy:
        variables = {"HTTPS_PROXY": f"http://{proxy.address}"}
        url = "https://airflow.invalid"
        says(host(url, environment=variables), f"goes through http://{proxy.address} (the environment)")
        assert proxy.asked == ["airflow.invalid:443"]
        says(host(url, environment=variables | {"NO_PROXY": ".invalid"}), "its name is not known here")
        assert proxy.asked == ["airflow.invalid:443"]


def test_what_is_meant_for_the_host_itself_stays_on_it(queue, host):
    with HttpProxy() as proxy:
        variables = {"HTTP_PROXY": f"http://{proxy.address}", "ALL_PROXY": f"http://{proxy.address}"}
        works(queue, host(queue.url, environment=variables))
        assert proxy.asked == []


def test_what_is_exposed_is_told_each_time(host):
    agent = host("http://airflow.invalid", allow_insecure_http=True)
    words = "EDGE_AGENT_URL is http://: tokens, payloads, connections and logs can be read and changed"
    says(agent, f"note settings: {words}")
    agent.start()
    wait_until(lambda: words in agent.output(), what="it is told", timeout=20)


@pytest.mark.airflow
def test_a_task_goes_the_way_of_its_agent(tmp_path, queue, authority, clients, host):
    """Its own authority, its certificate and its proxy; the login is in no environment of the task."""
    (dags := tmp_path / "dags").mkdir()
    (dags / "way.py").write_text(
        "import os\nfrom airflow.sdk import DAG, task\n\nwith DAG('way', schedule=None):\n\n"
        "    @task\n    def tells():\n        print('said', 'planted' in str(os.environ))\n\n    tells()\n"
    )
    certificate = authority.issue("server", addresses=("127.0.0.1",))
    with (
        ExecutionApi() as api,
        HttpProxy(login=LOGIN) as proxy,
        Ingress(
            tmp_path / "nginx",
            certificate,
            queue=queue.url,
            execution=api.url.removesuffix("/execution/"),
            clients=clients.file,
        ) as ingress,
    ):
        agent = host(
            ingress.url(),
            dags=dags,
            kinds="task",
            client_cert_file=clients.issue("h0"),
            proxy=f"http://{LOGIN}@{proxy.address}",
        )
        job = queue.submit_job(Job(payload=task("way", "tells"), kind=JobKind.TASK))
        agent.start()
        assert ended(job, timeout=90).state is JobState.SUCCEEDED
        assert b"said False" in job.log
        assert "PATCH /execution/task-instances/" in ingress.heard()
