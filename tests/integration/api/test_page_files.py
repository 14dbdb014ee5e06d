"""The page as a real server tells the browser of it."""

from __future__ import annotations

import httpx

from airflow_plugin import bundle
from edge_agent.protocol import routes
from tests.integration.api.conftest import Login
from tests.support.airflow_bed import AirflowBed


def test_the_browser_is_told_of_the_page_when_there_is_one(api_bed: AirflowBed, login: Login) -> None:
    answer = httpx.get(f"{api_bed.url}/api/v2/plugins", headers=login("vera"), timeout=60)
    (ours,) = (each for each in answer.json()["plugins"] if each["name"] == "edge_agent")
    told = [{key: app[key] for key in ("name", "bundle_url", "icon", "destination")} for app in ours["react_apps"]]
    expected = [{key: app[key] for key in ("name", "bundle_url", "icon", "destination")} for app in bundle.react_apps()]
    assert told == expected
    assert bool(told) == bundle.FILES[bundle.MAIN].exists()
    for app in told:
        assert httpx.get(api_bed.url + app["bundle_url"]).headers["content-type"].startswith("text/javascript")


def test_an_icon_comes_without_a_login_and_is_kept(api_bed: AirflowBed) -> None:
    answer = httpx.get(f"{api_bed.url}{bundle.url(bundle.ICON)}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert "immutable" in answer.headers["cache-control"]
    assert httpx.get(f"{api_bed.url}{routes.MOUNT}/static/..%2F..%2Fplugin.py").status_code == httpx.codes.NOT_FOUND
