"""The way to a server, as the settings and the environment say."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.errors import SettingsError
from edge_agent.protocol import VERSION_HEADER
from edge_agent.settings import AgentSettings
from edge_agent.transport import open_http, proxy_in_words


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Let the environment of the tests say nothing."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def settings(url="https://airflow.example", **more):
    given: dict[str, Any] = {"url": url, "queues": "q", "token": "t", **more}
    return AgentSettings(**given)


async def test_the_base_path_of_airflow_is_kept_and_the_version_travels():
    async with open_http(settings("https://airflow.example/base/")) as http:
        assert str(http.base_url) == "https://airflow.example/base/edge_agent/v1/"
        assert http.headers[VERSION_HEADER] == "1"


def test_a_file_of_authorities_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match="EDGE_AGENT_CA_FILE"):
        open_http(settings(ca_file=tmp_path / "nowhere"))


def test_a_certificate_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"EDGE_AGENT_CLIENT_CERT_FILE: cannot read .*nowhere"):
        open_http(settings(client_cert_file=tmp_path / "nowhere"))


def test_a_key_that_others_can_read_is_refused(tmp_path):
    (key := tmp_path / "key.pem").touch(mode=0o644)
    key.chmod(0o644)
    with pytest.raises(SettingsError, match=f"EDGE_AGENT_CLIENT_KEY_FILE: {key} holds a key and is open .* chmod 600"):
        open_http(settings(client_cert_file=tmp_path / "cert.pem", client_key_file=key))


def test_what_is_no_certificate_is_refused(tmp_path):
    (both := tmp_path / "both.pem").touch(mode=0o600)
    with pytest.raises(SettingsError, match=r"hold no certificate with its key \(.*\); both must be PEM"):
        open_http(settings(client_cert_file=both))


@pytest.mark.parametrize(
    ("variables", "url", "proxy", "words"),
    [
        ({}, "https://airflow", None, None),
        ({}, "https://airflow", "http://p:3128", "http://p:3128 (EDGE_AGENT_PROXY)"),
        ({}, "https://airflow", "http://me:secret@p:3128", "http://p:3128 (EDGE_AGENT_PROXY)"),
        ({"HTTPS_PROXY": "http://me:secret@p:3128"}, "https://airflow", None, "http://p:3128 (the environment)"),
        ({"HTTPS_PROXY": "http://p"}, "https://airflow", "http://q", "http://q (EDGE_AGENT_PROXY)"),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "airflow"}, "https://airflow", None, None),
        ({"ALL_PROXY": "http://p:1"}, "https://airflow", None, "http://p:1 (the environment)"),
        ({"HTTPS_PROXY": "http://p"}, "https://127.0.0.1", None, None),
    ],
    ids=str,
)
def test_the_proxy_is_told_without_its_login(monkeypatch, variables, url, proxy, words):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_in_words(settings(url, proxy=proxy)) == words


def test_a_proxy_of_a_kind_we_have_no_means_for_is_refused(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy:1080")
    with pytest.raises(SettingsError, match=r"EDGE_AGENT_PROXY, or HTTPS_PROXY and its like .*: cannot be used"):
        open_http(settings())
