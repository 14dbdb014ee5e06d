"""Tokens: made, shown once, rotated, and revoked, as hosts feel it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from tests.e2e.page.conftest import NUMBERS, Look, forget_agents
from tests.e2e.page.view import View
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.waiting import wait_until


@pytest.fixture
def name(engine: Engine) -> Iterator[str]:
    """Give the name of an agent and of its token, which are forgotten in the end."""
    yield f"tokened-{next(NUMBERS)}"
    forget_agents(engine)


def make_token(view: View, name: str) -> str:
    """Create a token in the page; return the secret that it shows."""
    view.tab("Tokens")
    view.page.get_by_role("button", name="Create token").click()
    question = view.dialog()
    question.get_by_label("Name").fill(name)
    question.get_by_label("Queues").fill("tokened")
    question.get_by_role("button", name="Create token").click()
    return take_secret(view, name)


def take_secret(view: View, name: str) -> str:
    """Read the secret that is shown, and put it away."""
    shown = view.page.get_by_role("dialog", name=f"Token {name}")
    secret = shown.get_by_role("region", name="secret", exact=True).inner_text()
    view.page.keyboard.press("Escape")
    expect(shown).to_be_visible()
    shown.get_by_role("button", name="I have kept it").click()
    expect(shown).to_have_count(0)
    assert secret not in view.page.content()
    return secret


def host_with(bed: AirflowBed, name: str, secret: str, home: Path) -> AgentHost:
    """Make a host of commands with a token."""
    settings = {"EDGE_AGENT_KINDS": "command"}
    return AgentHost(home, url=bed.url, name=name, token=secret, queues=["tokened"], settings=settings)


def test_a_token_is_shown_once_lets_an_agent_in_and_out_again_when_revoked(
    look: Look, page_bed: AirflowBed, name: str, tmp_path: Path
):
    view = look().open()
    secret = make_token(view, name)
    expect(view.row(name)).to_contain_text("89 days left")
    expect(view.row(name)).to_contain_text("never")
    with host_with(page_bed, name, secret, tmp_path / "host") as host:
        expect(view.row(name)).to_contain_text(f"by {name}")
        view.page.get_by_role("button", name=f"Revoke {name}").click()
        question = view.dialog()
        expect(question).to_contain_text(f"Registered with it: {name}.")
        question.get_by_label("Reason").fill("host sold")
        question.get_by_role("button", name="Revoke token").click()
        expect(view.row(name)).to_contain_text("revoked")
        assert host.process.wait(timeout=30) == 3
        assert "was revoked" in host.output()
    expect(view.page.get_by_role("button", name=f"Revoke {name}")).to_have_count(0)


def test_a_rotated_token_has_another_secret_and_the_one_before_for_a_while(
    look: Look, page_bed: AirflowBed, name: str, tmp_path: Path
):
    view = look("op").open()
    first = make_token(view, name)
    view.page.get_by_role("button", name=f"Rotate {name}").click()
    view.dialog().get_by_label("The secret before works for").select_option("3600")
    view.dialog().get_by_role("button", name="Rotate token").click()
    second = take_secret(view, name)
    assert first != second
    expect(view.row(name)).to_contain_text("rotated")
    for times, secret in enumerate((first, second), start=1):
        with host_with(page_bed, name, secret, tmp_path / "host") as host:
            let_in(host, times)
            host.stop()
    expect(view.row(name)).to_contain_text(f"by {name}")


def let_in(host: AgentHost, times: int) -> None:
    """Wait until the agents of a host have registered so often."""
    registered = lambda: host.output().count("event=registered")  # noqa: E731  it is asked again and again
    wait_until(registered, until=lambda count: count == times, what="it is let in", timeout=30)
