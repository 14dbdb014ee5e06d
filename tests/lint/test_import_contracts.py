"""The import contracts of `pyproject.toml` see what they forbid."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.process import program

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a copy of both packages and their contracts, to plant an import in."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for package in ("airflow_plugin", "edge_agent"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def check(tree: Path) -> tuple[int, str]:
    command = [program("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=tree, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_what_is_there_keeps_the_contracts(tree):
    code, said = check(tree)
    assert code == 0, said


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("edge_agent/planted.py", "import airflow", "The agent knows no Airflow"),
        ("edge_agent/planted.py", "import airflow_plugin.models", "The agent knows no Airflow"),
        ("edge_agent/planted.py", "import sqlalchemy", "The agent knows no Airflow"),
        ("edge_agent/protocol/planted.py", "import edge_agent.attempt_dir", "The protocol is a leaf"),
        ("edge_agent/protocol/planted.py", "import httpx", "The protocol is a leaf"),
        ("airflow_plugin/planted.py", "import edge_agent.attempt_dir", "The plugin shares the protocol"),
        ("airflow_plugin/models/__init__.py", "import airflow_plugin.queue.jobs", "API, executor and command line"),
        ("airflow_plugin/queue/planted.py", "import airflow_plugin.executor", "API, executor and command"),
        ("airflow_plugin/queue/planted.py", "import fastapi", "The queue knows no HTTP"),
        ("airflow_plugin/operators/planted.py", "import airflow_plugin.models", "Hooks, operators, triggers"),
        ("airflow_plugin/hooks/planted.py", "import sqlalchemy", "Hooks, operators, triggers"),
        ("airflow_plugin/commands/planted.py", "import airflow_plugin.queue.jobs", "Hooks, operators, triggers"),
        ("edge_agent/runners/local.py", "import edge_agent.runners.tmux", "Runners do not know of each"),
    ],
)
def test_a_forbidden_import_is_seen(tree, module, line, broken):
    path = tree / module
    path.parent.mkdir(exist_ok=True)
    (path.parent / "__init__.py").touch()
    (tree / "edge_agent/runners/tmux.py").touch()
    (tree / "airflow_plugin/executor.py").touch()
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    code, said = check(tree)
    assert code == 1, said
    assert any(broken in each and "BROKEN" in each for each in said.splitlines()), said


def test_the_task_host_may_import_airflow(tree):
    (tree / "edge_agent/task_host").mkdir(exist_ok=True)
    (tree / "edge_agent/task_host/__init__.py").touch()
    (tree / "edge_agent/task_host/planted.py").write_text("import airflow\n", encoding="utf-8")
    code, said = check(tree)
    assert code == 0, said
