"""The wheel with the extras users have, beside the Airflow they bring."""

from __future__ import annotations

import json

import pytest

import edge_agent

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(180)]  # The first import of Airflow compiles it.


def test_every_module_imports(full):
    """But for Alembic's environment, which runs inside a migration."""
    failed = full.python("""
import importlib, json, pkgutil
failed = {}
for package in ("edge_agent", "airflow_plugin"):
    path = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(path, package + "."):
        if module.name.endswith((".__main__", ".migrations.env")):
            continue
        try:
            importlib.import_module(module.name)
        except Exception as error:
            failed[module.name] = repr(error)
print(json.dumps(failed))
""")
    assert json.loads(failed.splitlines()[-1]) == {}


def test_airflow_finds_the_provider_and_accepts_what_it_says(full):
    said = full.python("""
import json, jsonschema
from importlib.resources import files
from airflow.providers_manager import ProvidersManager
from airflow_plugin.provider_info import get_provider_info
schema = json.loads((files("airflow") / "provider_info.schema.json").read_text())
jsonschema.validate(get_provider_info(), schema)
print(ProvidersManager().providers["airflow-edge-agent"].version)
""")
    assert said.splitlines()[-1] == edge_agent.__version__


def test_airflow_loads_the_plugin_by_its_entry_point(full):
    said = full.python("""
from importlib.metadata import entry_points
points = entry_points(group="airflow.plugins")
(ours,) = (point for point in points if point.dist.name == "airflow-edge-agent")
print(ours.load().name)
""")
    assert said.splitlines()[-1] == "edge_agent"


def test_airflow_loads_the_executor_by_its_alias(full):
    said = full.python("""
import os
os.environ["AIRFLOW__CORE__EXECUTOR"] = "EdgeAgentExecutor:airflow_plugin.executor.AgentExecutor"
from airflow.executors.executor_loader import ExecutorLoader
print(ExecutorLoader.get_default_executor().__class__.__name__)
""")
    assert said.splitlines()[-1] == "AgentExecutor"


def test_airflows_command_line_knows_ours(full):
    done = full.run("airflow", "edge-agent", "--help")
    assert done.returncode == 0, done.stderr
    assert all(noun in done.stdout for noun in ("agents", "tokens", "jobs"))
