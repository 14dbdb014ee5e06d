"""A connection in every form people write it in: read right, or refused with the right form. Never less safe."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from airflow.models.connection import Connection as ServerConnection
from airflow.sdk.bases.hook import BaseHook
from airflow.sdk.definitions.connection import Connection

from airflow_plugin.commands.errors import ConnectionUnusable
from airflow_plugin.commands.site import EXTRAS, OLD_NAMES, site_of
from airflow_plugin.connection_type import CONNECTION_TYPE

TOKEN = "est_0123456789ab_planted"


def of(**fields):
    extra = fields.pop("extra", None)
    text = extra if isinstance(extra, str) or extra is None else json.dumps(extra)
    given = {"conn_type": "edge_agent", "host": "airflow.example.com", "password": TOKEN} | fields
    return Connection(conn_id="c", extra=text, **given)


def of_uri(uri):
    return Connection.from_uri(uri, conn_id="c")


def refusal(connection):
    with pytest.raises(ConnectionUnusable) as refused:
        site_of(connection)
    assert "planted" not in str(refused.value)
    assert str(refused.value).startswith("The connection 'c' cannot be used: ")
    return str(refused.value)


SAME = {
    "fields": of(port=8443, extra={"default_queue": "onprem"}),
    "JSON": Connection.from_json(
        json.dumps(
            {
                "conn_type": "edge_agent",
                "host": "airflow.example.com",
                "port": 8443,
                "password": TOKEN,
                "extra": {"default_queue": "onprem"},
            }
        ),
        conn_id="c",
    ),
    "URI": of_uri(f"edge-agent://:{TOKEN}@airflow.example.com:8443/?default_queue=onprem"),
    "URI with a scheme": of_uri(f"edge-agent://:{TOKEN}@airflow.example.com:8443/https?default_queue=onprem"),
    "URI of an address": of_uri(f"edge-agent://https://:{TOKEN}@airflow.example.com:8443/?default_queue=onprem"),
    "URI with all extras at once": of_uri(
        f"edge-agent://:{TOKEN}@airflow.example.com:8443/?__extra__=" + quote('{"default_queue": "onprem"}')
    ),
    "what the form stores": of(
        port=8443,
        login="",
        schema="",
        extra={name: field["schema"].get("default") for name, field in CONNECTION_TYPE["conn-fields"].items()}
        | {"default_queue": "onprem", "path": ""},
    ),
    "an address as host": of(host="https://airflow.example.com:8443/", extra={"default_queue": "onprem"}),
    "host and port in one": of(host="airflow.example.com:8443", extra={"default_queue": "onprem"}),
    "the old extras": of(
        conn_type="http",
        port=8443,
        password=None,
        extra={"agent_token": TOKEN, "verify_ssl": True, "default_queue": "onprem"},
    ),
}


@pytest.mark.parametrize("form", SAME)
def test_every_form_of_a_connection_says_the_same(form):
    site = site_of(SAME[form])
    assert (site.url, site.default_queue) == ("https://airflow.example.com:8443", "onprem")
    assert (site.verify, site.ca_file, site.ca_pem, site.client_cert_file) == (True, None, None, None)
    assert site.token.get_secret_value() == TOKEN
    assert TOKEN not in repr(site)


@pytest.mark.parametrize("form", SAME)
def test_a_form_stays_what_it_is_when_airflow_writes_it_as_another(form):
    """The test button hands a connection on as a URI, secrets backends and `airflow connections export` as JSON too."""
    connection, site = SAME[form], site_of(SAME[form])
    assert site_of(of_uri(connection.get_uri())) == site
    assert site_of(Connection.from_json(connection.as_json(), conn_id="c")) == site
    fields = ("conn_type", "host", "schema", "login", "password", "port", "extra")
    server = ServerConnection(conn_id="c", **{name: getattr(connection, name) for name in fields})
    assert site_of(of_uri(server.get_uri())) == site


@pytest.mark.parametrize("form", ["JSON", "URI"])
def test_an_environment_variable_is_read_as_what_it_is(form, monkeypatch):
    connection = SAME[form]
    monkeypatch.setenv("AIRFLOW_CONN_OF_TESTS", connection.as_json() if form == "JSON" else connection.get_uri())
    assert site_of(BaseHook.get_connection("of_tests")) == site_of(connection)


def test_all_that_a_connection_may_say_is_read():
    extra = {"path": "/af/", "ca_file": "/ca.pem", "client_cert_file": "/c.pem", "client_key_file": "/k.pem"}
    site = site_of(of(host="10.0.0.1", schema="HTTPS", port=1, password=f"{TOKEN}\n", extra=extra))
    assert (site.url, site.token.get_secret_value()) == ("https://10.0.0.1:1/af", TOKEN)
    assert (site.ca_file, site.client_cert_file) == (Path("/ca.pem"), Path("/c.pem"))
    assert site.client_key_file == Path("/k.pem")
    assert site_of(of(extra={"ca_pem": "PEM"})).ca_pem == "PEM"


@pytest.mark.parametrize("host", ["::1", "[::1]", "http://[::1]"])
def test_an_address_of_ip_version_6_gets_its_brackets(host):
    assert site_of(of(host=host, schema="http", port=8080)).url == "http://[::1]:8080"


@pytest.mark.parametrize("off", [{"verify": False}, {"verify_ssl": False}], ids=repr)
def test_certificates_go_unverified_only_where_a_boolean_says_so(off):
    assert site_of(of(extra=off)).verify is False
    written = f"edge-agent://:{TOKEN}@h/?__extra__={quote(json.dumps(off))}"
    assert site_of(of_uri(written)).verify is False


@pytest.mark.parametrize("text", ["false", "False", "0", "no", "off", 0, [], {"a": 1}], ids=repr)
def test_nothing_but_a_boolean_turns_verification_off(text):
    said = refusal(of(extra={"verify": text}))
    assert '{"verify": false}' in said
    assert "%7B%22verify%22%3A+false%7D" in said


def test_the_form_that_a_refusal_shows_is_right():
    said = refusal(of_uri(f"edge-agent://:{TOKEN}@h/?verify=false"))
    shown = said[said.index("edge-agent://") :].rstrip(".").replace("TOKEN", TOKEN).replace("HOST", "h")
    assert site_of(of_uri(shown)).verify is False


@pytest.mark.parametrize("text", ["true", "True", None, ""], ids=repr)
def test_what_is_safe_may_be_written_as_people_write_it(text):
    assert site_of(of(extra={"verify": text})).verify is True
    assert site_of(of_uri(f"edge-agent://:{TOKEN}@h/?allow_plaintext=false")).url == "https://h"


@pytest.mark.parametrize(
    ("host", "schema"), [("airflow.example.com", "http"), ("http://airflow.example.com", None), ("10.0.0.1", "http")]
)
def test_http_over_a_network_is_refused_unless_the_connection_allows_it(host, schema):
    assert '{"allow_plaintext": true}' in refusal(of(host=host, schema=schema))
    assert '{"allow_plaintext": true}' in refusal(of(host=host, schema=schema, extra={"allow_plaintext": "true"}))
    assert site_of(of(host=host, schema=schema, extra={"allow_plaintext": True})).url.startswith("http://")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_http_to_the_host_itself_needs_no_leave(host):
    assert site_of(of(host=host, schema="http")).url.startswith("http://")


REFUSED = [
    (of(conn_type="postgres"), "of type 'postgres'"),
    (of(schema="airflow"), "a path belongs into the extra 'path'"),
    (of_uri(f"edge-agent://:{TOKEN}@h/airflow"), "a path belongs into the extra 'path'"),
    (of_uri(f"edge-agent://{TOKEN}@h"), "edge-agent://:TOKEN@HOST"),
    (of(login="etl"), "its login is not empty"),
    (of(password=None), "it has no token"),
    (of(password="  "), "it has no token"),
    (of(password="eat_0123456789ab_planted"), "registers agents"),
    (of(password="hunter2 planted"), "begins with 'est_'"),
    (of(password=TOKEN + "\r\nX: planted"), "begins with 'est_'"),
    (of(extra={"agent_token": "est_another"}), "one token as its password and another"),
    (of(extra={"verify": True, "verify_ssl": False}), "'verify_ssl' is the old name of 'verify'"),
    (of(extra="not JSON"), "its extra is no JSON object"),
    (of(extra="[]"), "its extra is no JSON object"),
    (of_uri(f'edge-agent://:{TOKEN}@h/?extra={{"verify":true}}'), "'?__extra__='"),
    (of(extra={"tls_verify": False}), "is 'verify' meant"),
    (of(extra={"bearer": "planted"}), "there are path, verify"),
    (of(extra={"token": "planted"}), "an extra 'token'"),
    (of(extra={"path": 1}), "'path' must be a text"),
    (of(extra={"default_queue": "a b"}), "cannot be a queue"),
    (of(extra={"ca_file": "/a", "ca_pem": "b"}), "names authorities twice"),
    (of(extra={"ca_file": "/a", "verify": False}), "trusts everybody"),
    (of(extra={"client_key_file": "/k"}), "no 'client_cert_file'"),
    (of(host="https://h", schema="http"), "its host says one scheme (https)"),
    (of(host="h:1", port=2), "its host says one port (1)"),
    (of(host="h/a", extra={"path": "b"}), "its host says one path (a)"),
    (of(host="u:p@h"), "must look like airflow.example.com"),
    (of(host="h?q=1"), "must look like airflow.example.com"),
    (of(host="a b"), "must look like airflow.example.com"),
    (of(host="ftp://h"), "'ftp'"),
    (of(host="h:port"), "'port'"),
    (of(host="", port=80, schema="https", extra={"path": "a"}), "a port and a schema and a path, but no host"),
]


@pytest.mark.parametrize(
    ("connection", "words"), REFUSED, ids=[f"{number} {words}" for number, (_, words) in enumerate(REFUSED)]
)
def test_what_would_be_less_than_was_meant_is_refused(connection, words):
    assert words in refusal(connection)


@pytest.mark.parametrize(
    ("execution", "base", "url"),
    [
        ("https://af.example.com/execution/", "https://else.example.com", "https://af.example.com"),
        ("https://af.example.com/x/execution", "", "https://af.example.com/x"),
        ("", "https://af.example.com/x/", "https://af.example.com/x"),
        ("", "/x", "http://localhost:8080/x"),
        ("", "", "http://localhost:8080"),
    ],
)
@pytest.mark.parametrize("host", ["", None], ids=repr)
def test_without_a_host_it_is_the_api_server_of_this_airflow(execution, base, url, host, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", execution)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
    assert site_of(of(host=host)).url == url
    assert site_of(of_uri(f"edge-agent://:{TOKEN}@")).url == url


def test_without_a_host_http_over_a_network_is_refused_too(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://api-server:8080/execution/")
    said = refusal(of(host=None))
    assert "http://api-server:8080 is not encrypted" in said
    assert "this Airflow's configuration" in said
    assert site_of(of(host=None, extra={"allow_plaintext": True})).url == "http://api-server:8080"


def test_the_form_has_every_extra_and_no_other():
    assert set(CONNECTION_TYPE["conn-fields"]) == set(EXTRAS)
    assert set(OLD_NAMES.values()) <= {"token", *EXTRAS}
