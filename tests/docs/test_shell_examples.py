"""Every command that the docs show is run by some test; here is said by which, and the rest is parsed."""

from __future__ import annotations

import argparse
import re
import subprocess
from pathlib import Path

import pytest
from airflow.configuration import conf

from edge_agent.settings import ENV_PREFIX, AgentSettings
from tests.docs.documents import ROOT, Block, blocks
from tests.docs.shell import Command, commands, is_script, variables
from tests.gen import command_lines

pytestmark = pytest.mark.airflow

NAMED = re.compile(r"(tests/[\w/]+\.py)::(\w+)")

TRIED = {
    "airflow dags": "tests/packaging/test_quickstart.py::test_the_quickstart_does_what_it_says",
    "airflow db migrate": "tests/packaging/test_quickstart.py::test_the_quickstart_does_what_it_says",
    "airflow edge-agent": "tests/integration/airflow/test_documented_commands.py::test_a_command_of_an_admin_works",
    "airflow edge-agent db": "tests/integration/airflow/test_cli_db.py::"
    "test_the_tables_go_back_to_those_of_the_release_before",
    "airflow standalone": "tests/packaging/test_quickstart.py::test_the_quickstart_does_what_it_says",
    "edge-agent check": "tests/packaging/test_quickstart.py::test_the_quickstart_does_what_it_says",
    "edge-agent install": "tests/integration/install/test_on_a_host.py::"
    "test_one_command_makes_an_agent_and_one_takes_it_off_without_a_trace",
    "edge-agent run": "tests/packaging/test_quickstart.py::test_the_quickstart_does_what_it_says",
    "edge-agent run --handover": "tests/integration/agent/test_handover.py::"
    "test_running_work_goes_on_under_the_agent_that_takes_over",
    "edge-agent server-key": "tests/packaging/test_quickstart.py::test_the_quickstart_does_what_it_says",
    "edge-agent status": "tests/packaging/test_quickstart.py::test_the_quickstart_does_what_it_says",
    "edge-agent uninstall": "tests/integration/install/test_on_a_host.py::"
    "test_one_command_makes_an_agent_and_one_takes_it_off_without_a_trace",
    "helm install": "tests/chart/test_documents.py::test_what_is_installed_is_taken",
    "export": "tests/packaging/test_quickstart.py::test_the_quickstart_does_what_it_says",
    "install": "tests/packaging/test_quickstart.py::test_the_quickstart_does_what_it_says",
    "make": "tests/docs/test_shell_examples.py::test_a_make_command_is_a_target",
    "make demo": "tests/docs/test_demo.py::test_it_runs_every_kind_of_task_on_the_agent_and_stays_up_until_ctrl_c",
    "/opt/edge-agent/bin/pip install": "tests/packaging/test_quickstart.py::test_what_is_printed_installs_what_it_says",
    "pip install": "tests/packaging/test_quickstart.py::test_what_is_printed_installs_what_it_says",
}
"""How commands of shell examples begin, and the test that runs them: as printed, or with other names and places."""

NOT_RUN = {
    "curl": "asks a probe of an agent that is installed; what that answers is tried by "
    "tests/integration/agent/test_health.py::test_a_full_disk_makes_it_not_ready",
    "docker": "no container engine runs here; the steps of the Dockerfile do, by "
    "tests/packaging/test_image.py::test_the_agent_of_a_flavour_says_that_it_may_register",
    "edge-agent attach": "needs a terminal and a job with that id; parsed here, tried by "
    "tests/integration/agent/test_tmux.py::test_somebody_looks_at_a_job_and_types_nothing_into_it",
    "helm uninstall": "needs a cluster; read by tests/chart/test_documents.py::test_helm_knows_each_of_its_commands",
    "python3 -m venv": "makes an environment at a fixed place; tests/support/installed.py makes them elsewhere",
    "runuser": "needs an agent that is installed on the machine itself; as its user it is run by "
    "tests/integration/install/test_without_systemd.py::test_it_runs_in_the_foreground",
    "kubectl": "needs a cluster; what it is called with is looked at by "
    "tests/chart/test_documents.py::test_what_is_asked_of_a_cluster_is_there",
}
"""How commands begin that no test runs as they are printed, and why not."""

SCRIPTS = {
    "without-systemd.md": "tests/integration/install/test_without_systemd.py::"
    "test_the_page_shows_what_the_installation_shows",
}
"""Pages with whole files for a shell, and the test that has them run, or says why not."""

OTHERS = re.compile(r"OTEL_\w+")
"""Variables that others read."""


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_a_shell_takes_it(block: Block):
    done = subprocess.run(["bash", "-n"], input=block.text, text=True, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", commands(), ids=str)
def test_every_command_is_one_that_a_test_runs(command: Command):
    known = [beginning for beginning in {**TRIED, **NOT_RUN} if command.begins(*beginning.split())]
    assert known, "say in TRIED which test runs it, or in NOT_RUN why none does"


@pytest.mark.parametrize("block", [block for block in blocks("sh") if is_script(block)], ids=str)
def test_every_script_is_one_that_a_test_knows(block: Block):
    assert block.path.name in SCRIPTS


@pytest.mark.parametrize("name", sorted({*variables()}))
def test_a_variable_that_is_set_is_one_that_something_reads(name: str):
    if name.startswith(ENV_PREFIX):
        assert name.removeprefix(ENV_PREFIX).lower() in AgentSettings.model_fields
    elif name.startswith("AIRFLOW__"):
        _, section, option = name.lower().split("__")
        assert option in conf.configuration_description[section]["options"]
    else:
        assert OTHERS.fullmatch(name)


def test_what_is_said_of_commands_is_of_some():
    beginnings = {**TRIED, **NOT_RUN}
    assert [each for each in beginnings if not commands(*each.split())] == []


@pytest.mark.parametrize("command", commands("edge-agent"), ids=str)
def test_a_command_of_a_host_is_accepted(command: Command):
    assert command_lines.agent_parser().parse_args(command.words[1:]).command


@pytest.fixture(scope="module")
def airflow_parser() -> argparse.ArgumentParser:
    """Give the parser of Airflow's own command line, with ours in it."""
    from airflow.cli.cli_parser import get_parser

    return get_parser()


@pytest.mark.parametrize("command", commands("airflow"), ids=str)
def test_a_command_of_an_admin_is_accepted(command: Command, airflow_parser):
    assert airflow_parser.parse_args(command.words[1:]).func


def test_there_are_commands_to_try():
    assert len(commands("edge-agent")) > 3
    assert len(commands("airflow", "edge-agent")) > 8


@pytest.mark.parametrize("command", commands("make"), ids=str)
def test_a_make_command_is_a_target(command: Command):
    """And a variable, before or behind, is one that something in the repository reads."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    _, target, *behind = command.words
    assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE)
    recipe = makefile.partition(f"\n{target}:")[2].partition("\n\n")[0]
    (module,) = re.findall(r"-m (tests[.\w]*)", recipe) or [""]
    folder = ROOT.joinpath(*module.split(".")) if module else None
    code = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))) if folder else ""
    names = [variable.partition("=")[0] for variable in (*command.variables, *behind)]
    assert [name for name in names if f"$({name})" not in makefile and f'"{name}"' not in code] == []


def test_the_readme_shows_the_two_commands():
    shown = [" ".join(each.words) for each in commands() if each.where.startswith("README.md")]
    assert {"make demo", "make test"} <= set(shown)


def test_every_test_that_runs_commands_is_there():
    named = {each for text in (*TRIED.values(), *NOT_RUN.values(), *SCRIPTS.values()) for each in NAMED.findall(text)}
    assert len(named) > 3
    missing = [
        f"{path}::{name}"
        for path, name in sorted(named)
        if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_an_example_in_a_list_is_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (page := tmp_path / "page.md").write_text("1. So:\n\n   ```sh\n   A=1 make x \\\n     y # z\n   ```\n")
    monkeypatch.setattr("tests.docs.documents.ROOT", tmp_path)
    monkeypatch.setattr("tests.docs.documents.documents", lambda: [page])
    (command,) = commands()
    assert (command.variables, command.words) == (("A=1",), ("make", "x", "y"))
