"""Airflow finds the example Dags of this provider, and they load without a warning."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.documents import ROOT
from tests.support.process import clean_environment

FOLDER = ROOT / "airflow_edge_agent" / "example_dags"
BUNDLE = "airflow-edge-agent-example-dags"

pytestmark = pytest.mark.airflow

FIND = """
import json
from airflow.dag_processing.bundles.manager import DagBundlesManager
print(json.dumps([str(each.path) for each in DagBundlesManager().get_all_dag_bundles() if each.name == {bundle!r}]))
"""

LOAD = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
warned = [warning for file in bag.dagbag_stats for warning in [file.warning_num] if warning]
print(json.dumps([bag.import_errors, {dag.dag_id: dag.task_ids for dag in bag.dags.values()}, warned]))
"""


def ask(tmp_path: Path, code: str, *arguments: str, **variables: str) -> tuple[str, str]:
    """Return the last line that a program wrote, and all that it logged."""
    environment = clean_environment(tmp_path, AIRFLOW_HOME=str(tmp_path), **variables)
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1], done.stdout + done.stderr


def test_airflow_finds_them_by_the_name_of_the_distribution(tmp_path: Path):
    found, said = ask(tmp_path, FIND.format(bundle=BUNDLE), AIRFLOW__CORE__LOAD_EXAMPLES="True")
    assert json.loads(found) == [str(FOLDER)]
    assert "Could not load provider module airflow_edge_agent" not in said


def test_they_load_without_errors_and_warnings(tmp_path: Path):
    """A warning there is one in the list of everybody's import errors."""
    found, _ = ask(tmp_path, LOAD, str(FOLDER), AIRFLOW__CORE__LOAD_EXAMPLES="False")
    errors, dags, warned = json.loads(found)
    assert errors == {}
    assert warned == []
    assert set(dags) == {path.stem for path in FOLDER.glob("*.py")}
    assert dags["example_agent_tmux"] == ["start_load", "wait_for_load"]
