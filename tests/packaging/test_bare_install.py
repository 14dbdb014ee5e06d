"""A host without Airflow: a small agent, and nothing of Airflow with it."""

from __future__ import annotations

import json

import edge_agent

UNWANTED = {"airflow", "alembic", "fastapi", "flask", "sqlalchemy", "starlette", "uvicorn"}


def test_a_bare_install_brings_no_airflow(bare):
    importable = f"import importlib.util as u; print([n for n in {sorted(UNWANTED)} if u.find_spec(n)])"
    assert bare.python(importable).strip() == "[]"


def test_a_bare_install_is_small(bare):
    """Fifteen packages today. Each more is something a host behind a firewall has to mirror and trust."""
    names = "import importlib.metadata as m; print(len({d.name for d in m.distributions()}))"
    assert int(bare.python(names)) <= 20


def test_the_command_says_its_version(bare):
    done = bare.run("edge-agent", "version")
    assert (done.returncode, done.stderr) == (0, "")
    assert edge_agent.__version__ in done.stdout


def test_the_command_explains_itself(bare):
    done = bare.run("edge-agent", "--help")
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in ("run", "check", "status", "version"))


def test_every_module_of_the_agent_imports_without_airflow(bare):
    """But for the task host, whose child process is Airflow."""
    failed = bare.python("""
import importlib, json, pkgutil
import edge_agent
failed = {}
for module in pkgutil.walk_packages(edge_agent.__path__, "edge_agent."):
    if module.name.startswith("edge_agent.task_host") or module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except Exception as error:
        failed[module.name] = repr(error)
print(json.dumps(failed))
""")
    assert json.loads(failed) == {}


def test_the_protocol_loads_nothing_but_itself(bare):
    """The plugin imports it in every Airflow process: httpx and the agent must not come with it."""
    loaded = bare.python("""
import json, sys
import edge_agent.protocol
heavy = {"airflow", "cryptography", "httpx", "psutil", "pydantic_settings", "tenacity"} & {*sys.modules}
ours = {name for name in sys.modules if name.partition(".")[0] == "edge_agent"}
allowed = {name for name in ours if name.startswith("edge_agent.protocol")} | {"edge_agent"}
print(json.dumps([sorted(heavy), sorted(ours - allowed)]))
""")
    assert json.loads(loaded) == [[], []]


def test_importing_the_agent_does_no_work(bare):
    """Else every import of the protocol would do it too."""
    assert bare.python("import sys, edge_agent; print([n for n in sys.modules if 'edge' in n])") == ("['edge_agent']\n")
