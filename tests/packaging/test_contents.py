"""What a release holds, and what it says of itself."""

from __future__ import annotations

import gzip
import runpy
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import edge_agent

ROOT = Path(__file__).parents[2]
PACKAGES = ("airflow_edge_agent", "airflow_plugin", "edge_agent")
UI = "airflow_plugin/ui/"
PAGE = UI + "dist/main.js"
MOST_OF_THE_PAGE = 120_000
"""Bytes of the bundle, compressed as it travels."""
OF_THE_SHELL = ("ChakraUI", "React", "ReactJSXRuntime", "ReactRouterDOM")


def shipped(package: str) -> set[str]:
    ignored = {"__pycache__", "node_modules"}
    files = (path for path in (ROOT / package).rglob("*") if path.is_file() and not ignored & {*path.parts})
    return {path.relative_to(ROOT).as_posix() for path in files}


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(built.wheel) as file:
        yield file


@pytest.fixture(scope="module")
def metadata(wheel) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_holds_the_packages_whole_and_nothing_else(wheel):
    """Of the page only what was built of it: neither its sources nor what they are built with."""
    in_packages = {name for name in wheel.namelist() if ".dist-info/" not in name}
    whole = {name for package in PACKAGES for name in shipped(package)}
    assert in_packages == {name for name in whole if not name.startswith(UI)} | {PAGE}


def test_the_page_is_a_small_plugin_of_airflows_shell(wheel):
    """What the shell has loaded already is not in it, and is called by the names under which the shell offers it."""
    bundle = wheel.read(PAGE)
    assert len(gzip.compress(bundle)) < MOST_OF_THE_PAGE
    text = bundle.decode()
    assert "AirflowPlugin" in text
    assert [name for name in OF_THE_SHELL if name not in text] == []


@pytest.mark.parametrize(
    "name",
    [
        "airflow_plugin/alembic.ini",
        "airflow_plugin/migrations/env.py",
        "airflow_plugin/migrations/versions/0001_create_the_queue.py",
        "airflow_plugin/py.typed",
        "edge_agent/py.typed",
    ],
)
def test_the_wheel_holds_what_no_import_would_miss(wheel, name):
    assert name in wheel.namelist()


def test_the_wheel_carries_its_licence(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith("/licenses/LICENSE"))
    assert wheel.read(name) == (ROOT / "LICENSE").read_bytes()


def test_the_metadata_says_what_users_need_to_know(metadata):
    assert metadata["Name"] == "airflow-edge-agent"
    assert metadata["Version"] == edge_agent.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert {*metadata["Requires-Python"].split(",")} == {">=3.11", "<3.14"}
    assert {"metrics", "server", "tasks"} <= {*metadata.get_all("Provides-Extra", [])}


def test_a_bare_install_asks_for_seven_packages(metadata):
    asked = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    names = {line.split(">=")[0] for line in asked}
    assert names == {"cryptography", "h11", "httpx", "psutil", "pydantic", "pydantic-settings", "tenacity"}


def test_the_source_distribution_can_be_worked_with(built):
    with tarfile.open(built.sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    assert {"pyproject.toml", "LICENSE", "README.md", "Makefile", "tests/conftest.py"} <= names
    assert {name for package in PACKAGES for name in shipped(package)} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith((".venv", ".git/"))]
    assert not [name for name in names if "node_modules" in name]


def test_a_wheel_out_of_the_source_distribution_needs_no_npm(built, tmp_path):
    """The page in it is built, of the very sources that are in it: there is nothing to build."""
    with tarfile.open(built.sdist) as file:
        file.extractall(tmp_path, filter="data")
    (root,) = tmp_path.iterdir()
    hook = runpy.run_path(str(root / UI / "build_hook.py"))
    assert hook["is_built"](root / UI)
    assert hook["PageBuildHook"](str(root), {}, None, None, str(tmp_path), "wheel").dependencies() == []
    (root / UI / "src" / "main.tsx").write_text("export default () => null;")
    assert not hook["is_built"](root / UI)
