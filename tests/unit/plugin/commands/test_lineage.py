"""What OpenLineage is told, with its provider and without."""

from __future__ import annotations

import sys

from airflow_plugin.commands.lineage import facets


def test_without_its_provider_nothing_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage.extractors", None)
    assert facets(["true"], None) is None


def test_the_commands_are_told():
    told = facets(["make", ["echo", "a b"], {"command": "ls", "env": {"P": "planted"}}], "bash")
    facet = told.job_facets["sourceCode"]
    assert (facet.language, facet.sourceCode) == ("bash", "make\necho a b\nls")


def test_unless_source_code_is_not_to_be_told(monkeypatch):
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__DISABLE_SOURCE_CODE", "True")
    assert facets(["make"], None).job_facets == {}


def test_of_a_command_that_only_a_function_knew_nothing_is_told():
    assert facets([object()], None).job_facets == {}
