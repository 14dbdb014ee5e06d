"""What Airflow is told of this package: complete, valid, and the same as the code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airflow_plugin.config import SECTION, QueueConfig
from airflow_plugin.provider_info import OPTIONS, get_provider_info


def test_it_is_valid_for_this_airflow():
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(get_provider_info(), schema)


def test_it_is_found_under_the_name_of_the_distribution():
    (ours,) = entry_points(group="apache_airflow_provider", module="airflow_plugin.provider_info")
    assert ours.dist is not None
    assert ours.dist.name == get_provider_info()["package-name"]


@pytest.mark.parametrize("field", fields(QueueConfig), ids=lambda field: field.name)
def test_every_option_is_described_and_has_the_default_of_the_code(field: Any):
    option = get_provider_info()["config"][SECTION]["options"][field.name]
    kind = {"integer": int, "float": float, "string": str}[option["type"]]
    assert kind(option["default"]) == field.default
    assert isinstance(field.default, kind)
    assert len(option["description"]) > 60
    assert option["version_added"]


@pytest.mark.parametrize(("name", "text"), OPTIONS.items())
def test_a_description_says_the_unit_and_when_to_change_it(name: str, text: str):
    unit = name.rpartition("_")[2]
    words = re.findall(r"[a-z]+", text.lower())
    if unit in {"seconds", "bytes", "days"}:
        assert unit in words, name
    is_a_number = get_provider_info()["config"][SECTION]["options"][name]["type"] != "string"
    assert not is_a_number or "raise it" in " ".join(words) or "lower it" in " ".join(words)


def test_there_is_no_option_that_the_code_does_not_know():
    assert set(OPTIONS) == {field.name for field in fields(QueueConfig)}


def test_every_path_leads_somewhere():
    info = get_provider_info()
    paths = [*info["executors"], *info["db-managers"], *info["cli"], *info["extra-links"]]
    paths += [kind["hook-class-name"] for kind in info["connection-types"]]
    for path in [*paths, *(plugin["plugin-class"] for plugin in info["plugins"])]:
        module, _, _name = path.rpartition(".")
        assert find_spec(module) is not None, path


def test_reading_it_imports_nothing_of_airflow():
    """Airflow asks for it while it reads its own configuration."""
    code = "import sys, airflow_plugin.provider_info as p; p.get_provider_info(); print('airflow' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
