"""What Airflow's own code makes of the connection type: the form of its UI, its test button, a hook by its type."""

from __future__ import annotations

import json

import pytest
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
from airflow.models.connection import Connection as ServerConnection
from airflow.sdk.definitions.connection import Connection
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

from airflow_plugin.commands.site import site_of
from airflow_plugin.connection_type import CONNECTION_TYPE
from airflow_plugin.hooks.edge_agent import EdgeAgentHook
from tests.support.fake_commands import TOKEN

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def form():
    """Give what the page for connections asks Airflow's API for."""
    (ours,) = [meta for meta in HookMetaService.hook_meta_data() if meta.connection_type == "edge_agent"]
    return ours


def test_the_form_shows_the_fields_there_are_by_their_names(form):
    standard = form.standard_fields
    assert form.hook_name == "Edge Agent"
    assert standard.login.hidden
    assert (standard.password.title, standard.password.placeholder) == ("Submit token", "est_...")
    assert (standard.url_schema.title, standard.url_schema.placeholder) == ("Scheme", "https")
    assert "this Airflow's own API server" in standard.host.placeholder
    shown = {name: field["schema"]["title"] for name, field in form.extra_fields.items()}
    assert shown == {name: field["label"] for name, field in CONNECTION_TYPE["conn-fields"].items()}
    assert all(field["description"] for field in form.extra_fields.values())


def test_a_form_that_is_saved_as_it_comes_is_safe(form):
    extra = json.dumps({name: field["value"] for name, field in form.extra_fields.items()})
    site = site_of(Connection(conn_id="c", conn_type="edge_agent", host="h", password=TOKEN, extra=extra))
    assert (site.url, site.verify) == ("https://h", True)


def test_switches_are_booleans_and_nothing_in_the_form_is_a_number(form):
    kinds = {name: field["schema"]["type"] for name, field in form.extra_fields.items()}
    assert {name for name, kind in kinds.items() if kind == "boolean"} == {"verify", "allow_plaintext"}
    assert all(kind in ("boolean", ["string", "null"]) for kind in kinds.values())


def test_airflow_finds_the_hook_by_the_type_of_the_connection():
    hook = ProvidersManagerTaskRuntime().hooks["edge_agent"]
    assert hook is not None
    assert (hook.hook_class_name, hook.connection_id_attribute_name) == (
        "airflow_plugin.hooks.edge_agent.EdgeAgentHook",
        "edge_agent_conn_id",
    )
    assert hook.connection_testable


# Airflow's own API server still asks the manager that it deprecates.
@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
@pytest.mark.parametrize("kind", [ServerConnection, Connection], ids=["the API server's", "a task's"])
def test_the_test_button_asks_the_server(server, monkeypatch, kind):
    """As Airflow's API does it: the connection under a name of its own, as a URI in the environment."""
    extra = json.dumps({"verify": True, "allow_plaintext": False, "ca_file": None, "path": ""})
    connection = kind(conn_id="transient", conn_type="edge_agent", host=server.url, password=TOKEN, extra=extra)
    monkeypatch.setenv("AIRFLOW_CONN_TRANSIENT", connection.get_uri())
    assert isinstance(connection.get_hook(), EdgeAgentHook)
    is_good, said = connection.test_connection()
    assert is_good, said
    assert said.startswith("The token 'of tests' may send commands")
    server.tokens = set()
    assert connection.test_connection() == (False, "This token is not known.")
