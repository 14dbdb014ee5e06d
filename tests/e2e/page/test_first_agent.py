"""From an Airflow without any agent to the first healthy one, by what the page says and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from tests.e2e.page.conftest import Look, forget_agents
from tests.support.agent_host import OPEN
from tests.support.installed import built_once
from tests.support.process import MACHINE_ENVIRONMENT, Process, clean_environment
from tests.support.waiting import wait_until

REGISTRY = ("PIP_", "SSL_CERT_", "REQUESTS_CA_")
"""What the variables begin with by which this machine says where packages come from."""


@pytest.fixture(scope="module")
def wheels() -> Path:
    """Give a folder with the wheel of this package: no registry has this version yet."""
    return built_once().wheel.parent


@pytest.fixture
def shell(wheels: Path, tmp_path: Path, engine: Engine) -> Iterator[Process]:
    """Give a shell on a host that has nothing of ours; its command is still to be said."""
    variables = {name: value for name, value in MACHINE_ENVIRONMENT.items() if name.startswith(REGISTRY)}
    variables["PIP_FIND_LINKS"] = f"{variables.get('PIP_FIND_LINKS', '')} {wheels}".strip()
    if (own := Path("~/.config/pip/pip.conf").expanduser()).exists():
        variables["PIP_CONFIG_FILE"] = str(own)
    # What this host's operator has decided: where state is kept, and that commands may run.
    (policy := tmp_path / "policy.toml").write_text(OPEN, encoding="utf-8")
    own_state = {"EDGE_AGENT_STATE_DIR": str(tmp_path / "state"), "EDGE_AGENT_POLICY_FILE": str(policy)}
    environment = clean_environment(tmp_path, **variables, **own_state)
    host = Process("a host", ["bash"], environment=environment, log=tmp_path / "shell.log", cwd=tmp_path)
    yield host
    host.kill_family()
    forget_agents(engine)


def test_the_page_leads_from_no_agent_to_the_first_healthy_one(look: Look, shell: Process, engine: Engine):
    forget_agents(engine)
    view = look().open()
    page = view.page
    expect(page.get_by_role("heading", name="No edge agent yet")).to_be_visible()
    page.get_by_label("Name of the agent").fill("first-1")
    page.get_by_label("Queues that it serves").fill("first")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_label("Airflow's address")).to_have_value(view.url)
    page.get_by_text("It runs Airflow's tasks, not commands only").click()
    expect(page.get_by_text("No command runs there until the host's policy lists it")).to_be_visible()
    page.get_by_text("In a shell, to try it").click()
    page.get_by_role("button", name="Copy install command").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    expect(page.get_by_text("Waiting for first-1 to register")).to_be_visible()
    assert view.findings() == []

    shell.command = ["bash", "-c", command]
    shell.start()
    wait_until(lambda: _registered(shell), what="the agent registers", timeout=120)
    expect(page.get_by_role("status").filter(has_text="healthy")).to_contain_text("first-1")
    assert command.split("<<'TOKEN'")[1].split()[1] not in shell.output(), "its secret is in no log"

    page.get_by_role("button", name="Show all agents").click()
    expect(view.agent("first-1")).to_contain_text("healthy")
    expect(view.agent("first-1")).to_contain_text("first")


def _registered(shell: Process) -> bool:
    shell.must_run()
    return "event=registered" in shell.output()


def test_who_may_not_create_tokens_is_told_whom_to_ask(look: Look, engine: Engine):
    forget_agents(engine)
    view = look("viewer").open()
    expect(view.page.get_by_role("heading", name="No edge agent yet")).to_be_visible()
    expect(view.page.get_by_text("ask somebody who has it")).to_be_visible()
    expect(view.page.get_by_role("button", name="Create token")).to_have_count(0)
