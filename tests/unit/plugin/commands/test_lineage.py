"""What OpenLineage is told. Its provider is not installed here: packages of its shape stand in for it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from airflow_plugin.commands.lineage import facets


@dataclass
class OperatorLineage:
    """As the provider has it."""

    job_facets: dict[str, Any] = field(default_factory=dict)


@dataclass
class SourceCodeJobFacet:
    """As its client has it."""

    language: str
    sourceCode: str  # noqa: N815  its name there


@pytest.fixture
def installed(monkeypatch):
    source_code_job: Any = ModuleType("source_code_job")
    source_code_job.SourceCodeJobFacet = SourceCodeJobFacet
    names: dict[str, dict[str, Any]] = {
        "airflow.providers.openlineage": {},
        "airflow.providers.openlineage.extractors": {"OperatorLineage": OperatorLineage},
        "openlineage": {},
        "openlineage.client": {},
        "openlineage.client.facet_v2": {"source_code_job": source_code_job},
    }
    for name, members in names.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)


def test_without_its_provider_nothing_is_told():
    assert facets(["true"], None) is None


def test_the_commands_are_told(installed):
    told = facets(["make", ["echo", "a b"], {"command": "ls", "env": {"P": "planted"}}], "bash")
    facet = told.job_facets["sourceCode"]
    assert (facet.language, facet.sourceCode) == ("bash", "make\necho a b\nls")


def test_unless_source_code_is_not_to_be_told(installed, monkeypatch):
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__DISABLE_SOURCE_CODE", "True")
    assert facets(["make"], None).job_facets == {}


def test_of_a_command_that_only_a_function_knew_nothing_is_told(installed):
    assert facets([object()], None).job_facets == {}
