"""Who may only look sees everything and can change nothing, neither by a click nor by asking the server."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.page.conftest import Look, MakeSite
from tests.e2e.page.view import API

WRITES = [
    ("PUT", "agents/{name}/cordon", {}),
    ("DELETE", "agents/{name}/cordon", None),
    ("PUT", "agents/{name}/drain", {}),
    ("PUT", "agents/{name}/stop", {}),
    ("PUT", "agents/{name}/settings", {"slots": 1, "queues": None}),
    ("DELETE", "agents/{name}", None),
    ("POST", "jobs/{job}/cancel", {"reason": "mine"}),
    ("POST", "tokens", {"name": "mine"}),
    ("POST", "tokens/{name}/rotate", {}),
    ("DELETE", "tokens/{name}", None),
    ("GET", "tokens", None),
]


def test_a_viewer_sees_agents_and_jobs_and_no_way_to_change_them(look: Look, make_site: MakeSite):
    site = make_site()
    job = site.submit("echo up; exec sleep 3000", label="measure")
    site.says(job, b"up")
    view = look("viewer").open()
    page = view.page
    expect(view.agent(site.name)).to_contain_text("healthy")
    expect(page.get_by_role("button", name="Actions on")).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(0)
    expect(page.get_by_role("tab", name="Tokens")).to_have_count(0)
    page.get_by_role("link", name=site.name, exact=True).first.click()
    expect(page.get_by_role("heading", name=site.name, exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cordon")).to_have_count(0)
    view.open(tab="jobs", queue=site.name)
    page.get_by_role("button", name="Details and log of command measure").click()
    expect(page.get_by_role("log")).to_contain_text("up")
    expect(page.get_by_role("button", name="Cancel job")).to_have_count(0)

    asked = "([method, url, body]) => fetch(url, {method, body, headers: {'Content-Type': 'application/json'}})"
    for method, path, body in WRITES:
        url = view.url + API + path.format(name=site.name, job=job)
        view.complaints.expected.append(f"{method} {url}: 403")
        sent = None if body is None else page.evaluate("JSON.stringify", body)
        status = page.evaluate(f"async (arguments) => (await ({asked})(arguments)).status", [method, url, sent])
        assert (method, path, status) == (method, path, 403)
    assert site.agent().cordoned_at is None


@pytest.mark.parametrize("role", ["op", "admin"])
def test_whoever_may_edit_pools_and_connections_has_all_of_it(look: Look, make_site: MakeSite, role: str):
    site = make_site()
    view = look(role).open()
    expect(view.page.get_by_role("button", name=f"Actions on agent {site.name}")).to_be_visible()
    expect(view.page.get_by_role("tab", name="Tokens")).to_be_visible()
