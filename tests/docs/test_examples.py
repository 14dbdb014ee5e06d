"""The examples in README and docs work as far as they can be tried here."""

from __future__ import annotations

import argparse
import configparser
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from edge_agent.policy.document import Document
from edge_agent.settings import AgentSettings
from tests.docs.documents import ROOT, Block, blocks
from tests.gen import command_lines
from tests.support.airflow_bed import EXECUTOR
from tests.support.certificates import Authority
from tests.support.ingress import nginx
from tests.support.process import clean_environment

pytestmark = pytest.mark.airflow

LOAD = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
print(json.dumps([bag.import_errors, {dag.fileloc: len(dag.tasks) for dag in bag.dags.values()}]))
"""


def commands() -> list[tuple[str, list[str]]]:
    """Return the commands in shell examples, as words, with where they stand."""
    lines = [(str(block), line) for block in blocks("sh") for line in block.text.splitlines()]
    return [(where, shlex.split(line, comments=True)) for where, line in lines if line.strip()]


def started_with(*words: str) -> list[tuple[str, list[str]]]:
    """Return the arguments of the commands that begin with these words."""
    length = len(words)
    return [(where, each[length:]) for where, each in commands() if tuple(each[:length]) == words]


POLICY = "# /etc/edge-agent/policy.toml"


def tables(*, of_policies: bool) -> list[Block]:
    return [block for block in blocks("toml") if block.text.startswith(POLICY) == of_policies]


@pytest.mark.parametrize("block", tables(of_policies=False), ids=str)
def test_a_settings_file_is_accepted_by_the_agent(block: Block):
    assert AgentSettings(**tomllib.loads(block.text)).queues


@pytest.mark.parametrize("block", tables(of_policies=True), ids=str)
def test_a_policy_is_accepted_by_the_agent(block: Block):
    Document.model_validate(tomllib.loads(block.text))


def test_the_dags_load_where_the_executor_is_known(tmp_path: Path):
    """Also the Dag of the demo; and what they ask for in ``executor_config`` is accepted."""
    (folder := tmp_path / "dags").mkdir()
    for number, text in enumerate(dict.fromkeys(block.text for block in blocks("python"))):
        (folder / f"example_{number}.py").write_text(text, encoding="utf-8")
    demo = ROOT / "docs" / "demo" / "dags" / "onprem_demo.py"
    (folder / demo.name).write_text(demo.read_text(encoding="utf-8"), encoding="utf-8")
    variables = {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__EXECUTOR": EXECUTOR}
    environment = clean_environment(tmp_path, **variables, AIRFLOW__CORE__LOAD_EXAMPLES="False")
    command = [sys.executable, "-c", LOAD, str(folder)]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    errors, tasks = eval(done.stdout.splitlines()[-1])  # noqa: S307  what we have just printed
    assert errors == {}
    assert len(tasks) == len(list(folder.glob("*.py"))) > 2
    assert all(tasks.values())


@pytest.mark.parametrize(("where", "arguments"), started_with("edge-agent"), ids=str)
def test_a_command_of_a_host_is_accepted(where, arguments):
    assert command_lines.agent_parser().parse_args(arguments).command


@pytest.fixture(scope="module")
def airflow_parser() -> argparse.ArgumentParser:
    """Give the parser of Airflow's own command line, with ours in it."""
    from airflow.cli.cli_parser import get_parser

    return get_parser()


@pytest.mark.parametrize(("where", "arguments"), started_with("airflow"), ids=str)
def test_a_command_of_an_admin_is_accepted(where, arguments, airflow_parser):
    assert airflow_parser.parse_args(arguments).func


def test_there_are_commands_to_try():
    assert len(started_with("edge-agent")) > 3
    assert len(started_with("airflow", "edge-agent")) > 8


@pytest.mark.parametrize(("where", "arguments"), started_with("make"), ids=str)
def test_a_make_command_is_a_target(where, arguments):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    target, *variables = arguments
    assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE)
    assert all(f"$({variable.partition('=')[0]})" in makefile for variable in variables)


def test_the_readme_shows_the_two_commands():
    shown = [" ".join(words) for where, words in commands() if where.startswith("README.md")]
    assert {"make demo", "make test"} <= set(shown)


def test_what_is_installed_has_the_extras_that_are_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [re.findall(r"^(.+)\[(\w+)\]$", words[-1]) for _, words in started_with("pip", "install")]
    assert named
    for ((distribution, extra),) in named:
        assert distribution == project["name"]
        assert extra in project["optional-dependencies"]


@pytest.mark.parametrize("block", blocks("ini"), ids=str)
def test_a_configuration_file_is_one_and_names_what_exists(block: Block):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(block.text)
    assert parser.sections()
    for module, name in re.findall(r"(airflow_plugin(?:\.\w+)+)\.(\w+)$", block.text, re.MULTILINE):
        assert hasattr(import_module(module), name)
    if parser.has_option("core", "executor"):
        assert EXECUTOR.rpartition(":")[2] in parser["core"]["executor"]


@pytest.mark.parametrize("block", blocks("nginx"), ids=str)
def test_an_ingress_of_an_example_is_accepted_by_nginx(block: Block, tmp_path: Path):
    authority = Authority(tmp_path)
    text = re.sub(r"/etc/nginx/\S+\.pem", str(authority.file), block.text)
    pair = authority.issue("server")
    server = f"listen 127.0.0.1:1 ssl; ssl_certificate {pair}; ssl_certificate_key {pair};"
    http = f"upstream airflow {{ server 127.0.0.1:2; }} server {{ {server}\n{text} }}"
    places = "".join(f"{part}_temp_path {tmp_path};" for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    file = tmp_path / "nginx.conf"
    file.write_text(f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {places} {http} }}")
    done = subprocess.run(
        [nginx(), "-t", "-q", "-p", tmp_path, "-c", file, "-g", "error_log stderr;"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_a_connection_of_an_example_is_taken(block: Block):
    from airflow.sdk import Connection

    from airflow_plugin.commands.site import site_of

    assert site_of(Connection.from_json(block.text, conn_id="example")).url.startswith("https://")


def test_no_example_is_in_a_language_that_is_not_tried():
    """A fenced block in a language that no test reads could say anything."""
    tried = {"sh", "python", "json", "toml", "ini", "mermaid", "nginx", "text"}
    assert [str(block) for block in blocks() if block.language not in tried] == []
