"""What Airflow is told of the page: where its bundle is, and nothing when there is none."""

from __future__ import annotations

import logging

import pytest
from airflow.api_fastapi.core_api.datamodels.plugins import ReactAppResponse

from airflow_plugin import bundle
from airflow_plugin.plugin import EdgeAgentPlugin


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Give a bundle, whatever was built in this checkout."""
    file = tmp_path / bundle.MAIN
    file.write_text("first", encoding="utf-8")
    monkeypatch.setitem(bundle.FILES, bundle.MAIN, file)
    return file


def test_there_is_a_page_in_the_menu_and_a_tab_of_each_task_instance(built):
    page, tab = EdgeAgentPlugin().react_apps
    for app in (page, tab):
        ReactAppResponse.model_validate(app)
    assert (page["name"], page["destination"], page["url_route"]) == ("Edge Agents", "nav", "edge-agents")
    assert (tab["name"], tab["destination"], tab["url_route"]) == ("Edge Agent", "task_instance", "edge-agent")


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("", ""),
        ("/", ""),
        ("http://localhost:8080", ""),
        ("https://example.com/airflow/", "/airflow"),
        ("https://example.com/a/b", "/a/b"),
        ("/airflow", "/airflow"),
    ],
)
def test_every_address_begins_with_the_path_of_the_site(built, monkeypatch, base_url, path):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    assert bundle.base_path() == path
    for app in bundle.react_apps():
        for address in ("bundle_url", "icon", "icon_dark_mode"):
            assert app[address].startswith(f"{path}/edge_agent/static/"), address


def test_each_app_has_an_address_of_its_own_or_a_browser_would_evaluate_it_for_one_of_them_only(built):
    page, tab = bundle.react_apps()
    assert page["bundle_url"] != tab["bundle_url"]


def test_another_bundle_has_another_address(built):
    before = bundle.url(bundle.MAIN)
    assert bundle.url(bundle.MAIN) == before
    built.write_text("second", encoding="utf-8")
    assert bundle.url(bundle.MAIN) != before


def test_without_a_bundle_there_is_no_page_and_one_line_that_says_so(built, caplog):
    built.unlink()
    plugin = EdgeAgentPlugin()
    with caplog.at_level(logging.WARNING):
        assert plugin.react_apps == []
        assert plugin.react_apps == []
    (line,) = caplog.messages
    assert "Edge Agents" in line
    assert str(built) in line


def test_the_icons_are_there_and_differ():
    assert bundle.version(bundle.ICON) is not None
    assert bundle.version(bundle.DARK_ICON) not in {None, bundle.version(bundle.ICON)}
