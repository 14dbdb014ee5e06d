"""The files of the page: what is served, as what, for how long it is kept, and that nothing is learnt from them."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from airflow_plugin import bundle
from airflow_plugin.api import page, problems
from airflow_plugin.api.gate import Gate
from airflow_plugin.config import QueueConfig

LIMIT = 5
JS = "/static/main.js"


@pytest.fixture
def app(tmp_path, monkeypatch):
    file = tmp_path / bundle.MAIN
    file.write_text("globalThis.AirflowPlugin = () => null;", encoding="utf-8")
    monkeypatch.setitem(bundle.FILES, bundle.MAIN, file)
    app = FastAPI()
    problems.install(app)
    app.add_middleware(Gate, config=QueueConfig(failed_logins_per_minute=LIMIT), open_to_all=(bundle.STATIC + "/",))
    app.include_router(page.router())

    @app.get("/refused", status_code=401)
    async def refused() -> None:
        """Refuse everybody."""

    return app


def ask(app, *asked, headers=None, method="GET"):
    """Ask for each in turn, with nothing that tells who asks, and return the answers."""

    async def ask_all():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://a") as client:
            return [await client.request(method, url, headers=headers) for url in asked]

    return asyncio.run(ask_all())


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        (bundle.MAIN, "text/javascript; charset=utf-8"),
        (bundle.ICON, "image/svg+xml"),
        (bundle.DARK_ICON, "image/svg+xml"),
    ],
)
def test_each_file_is_served_as_what_it_is(app, file, kind):
    (answer,) = ask(app, f"/static/{file}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content == bundle.FILES[file].read_bytes()


def test_what_was_asked_for_by_its_version_is_kept_for_good_and_nothing_else(app):
    version = bundle.version(bundle.MAIN)
    right, none, other = ask(app, f"{JS}?v={version}&app=task", JS, f"{JS}?v=of-another-release")
    assert right.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert none.headers["cache-control"] == other.headers["cache-control"] == "no-cache"


def test_a_browser_that_has_it_is_not_sent_it_again(app):
    (first,) = ask(app, JS)
    (again,) = ask(app, JS, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    bundle.FILES[bundle.MAIN].write_text("something longer than what was there before", encoding="utf-8")
    (changed,) = ask(app, JS, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


@pytest.mark.parametrize(
    "path", ["/static/other.js", "/static/main.js/x", "/static/..%2Fplugin.py", "/static/%2Fetc%2Fpasswd", "/static/"]
)
def test_there_is_nothing_else(app, path):
    (answer,) = ask(app, path)
    assert answer.status_code == 404
    assert answer.json()["reason"] == "not_found"


def test_a_bundle_that_was_not_built_is_said_to_be_none(app):
    bundle.FILES[bundle.MAIN].unlink()
    (answer,) = ask(app, JS)
    assert answer.status_code == 404
    assert "was not built" in answer.json()["message"]


def test_it_can_only_be_read(app):
    for method in ("POST", "PUT", "DELETE"):
        (answer,) = ask(app, JS, method=method)
        assert answer.status_code == 405


def test_who_shows_no_token_proves_none_by_reading_files(app):
    """Else everybody who shows nothing would have one limit together, and none by his address."""
    statuses = [answer.status_code for answer in ask(app, JS, *["/refused"] * 3 * LIMIT)]
    assert statuses == [200] + [401] * LIMIT + [429] * 2 * LIMIT


def test_files_count_against_nobodys_limit(app):
    statuses = [answer.status_code for answer in ask(app, *["/static/none.js"] * 3 * LIMIT, JS, "/refused", JS)]
    assert statuses == [404] * 3 * LIMIT + [200, 401, 200]
