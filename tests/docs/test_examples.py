"""The examples in README and docs work as far as they can be tried here."""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from airflow_plugin.hooks.edge_agent import EdgeAgentHook
from airflow_plugin.queue import secrets
from edge_agent.policy.document import Document
from edge_agent.settings import ENV_PREFIX, AgentSettings
from tests.docs.documents import ROOT, Block, blocks
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


LANGUAGES = {
    "env": "test_an_environment_file_is_one_and_names_settings_that_exist",
    "bash": "test_the_check_is_critical_for_one_that_hangs_and_a_warning_for_one_that_waits",
    "console": "test_every_command_is_one_that_a_test_runs",
    "dockerfile": "test_a_linter_finds_no_fault_with_a_dockerfile_of_an_example",
    "ini": "test_a_configuration_file_is_one_and_names_what_exists",
    "json": "test_a_connection_of_an_example_is_taken",
    "mermaid": "test_the_mermaid_diagram_has_every_transition_and_no_other",
    "nginx": "test_an_ingress_of_an_example_is_accepted_by_nginx",
    "python": "test_the_dags_load_where_the_executor_is_known",
    "sh": "test_every_command_is_one_that_a_test_runs",
    "text": "test_a_text_is_what_it_stands_for",
    "toml": "test_a_settings_file_is_accepted_by_the_agent",
    "yaml": "test_a_yaml_file_is_one",
}
"""Languages of fenced blocks, and the test that tries them."""


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


@pytest.mark.parametrize("block", blocks("env"), ids=str)
def test_an_environment_file_is_one_and_names_settings_that_exist(block: Block):
    """What it sets of Airflow's and others' is tried with a whole Airflow (tests/e2e/test_data_stays_home.py)."""
    names = [line.partition("=")[0] for line in block.text.splitlines()]
    assert [name for name in names if not re.fullmatch(r"[A-Z][A-Z0-9_]+", name)] == []
    own = [name.removeprefix(ENV_PREFIX).lower() for name in names if name.startswith(ENV_PREFIX)]
    assert [name for name in own if name not in AgentSettings.model_fields] == []


def test_a_yaml_file_is_one():
    empty = [str(block) for block in blocks("yaml") if None in [*yaml.safe_load_all(block.text)]]
    assert empty == []


@pytest.mark.parametrize("block", blocks("text"), ids=str)
def test_a_text_is_what_it_stands_for(block: Block):
    """A text is what nobody is to run here: what others wrote, or what something prints. It is read all the same."""
    if block.path.name.startswith("migrate-from-"):
        _read_of_others(block.text)
    elif block.path.name == "connection.md":
        _connection(block.text)
    else:
        assert block.text.strip() == secrets.PATTERN, "say here what it is, and read it"


def _read_of_others(text: str) -> None:
    """Read what users of other systems have: Python, JSON, or the URI of a connection."""
    from airflow.sdk import Connection

    if text.startswith("{"):
        json.loads(re.sub(r", \.\.\.\]", "]", text))
    elif re.match(r"\w+://", text):
        assert Connection.from_uri(text.strip(), conn_id="example").host
    else:
        ast.parse(text)


def _connection(text: str) -> None:
    from airflow.sdk import Connection

    from airflow_plugin.commands.site import site_of

    if ">>>" in text:
        (name,) = re.findall(r'EdgeAgentHook\("(\w+)"\).test_connection\(\)', text)
        assert callable(EdgeAgentHook(name).test_connection)
        return
    for line in text.splitlines():
        value = shlex.split(line)[0].removeprefix("AIRFLOW_CONN_EDGE_AGENT_DEFAULT=")
        made = Connection.from_json if value.startswith("{") else Connection.from_uri
        site = site_of(made(value, conn_id="edge_agent_default"))
        assert site.url == "https://airflow.example.com"


def test_no_example_is_in_a_language_that_is_not_tried():
    """A fenced block in a language that no test reads could say anything."""
    assert [str(block) for block in blocks() if block.language not in LANGUAGES] == []


def test_every_test_that_tries_examples_is_there():
    folders = (Path(__file__).parent, ROOT / "tests" / "chart")
    code = "".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("test_*.py"))
    assert [name for name in LANGUAGES.values() if f"def {name}(" not in code] == []
