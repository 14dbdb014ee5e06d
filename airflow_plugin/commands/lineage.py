"""What OpenLineage is told of a task's commands, where its provider is installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk.configuration import conf


def facets(commands: Sequence[Any], shell: str | None) -> Any:
    """Return the facets of a task that ran these commands; None without the provider.

    The commands themselves are told unless ``[openlineage] disable_source_code`` says otherwise.
    """
    try:
        from airflow.providers.openlineage.extractors import OperatorLineage
        from openlineage.client.facet_v2 import source_code_job
    except ImportError:
        return None
    if conf.getboolean("openlineage", "disable_source_code", fallback=False):
        return OperatorLineage()
    if not (lines := [line for each in commands if (line := _line(each))]):
        return OperatorLineage()
    facet = source_code_job.SourceCodeJobFacet(language=shell or "sh", sourceCode="\n".join(lines))
    return OperatorLineage(job_facets={"sourceCode": facet})


def _line(written: Any) -> str | None:
    """Return a command as text; None for one that only a function knew, which ran on another worker."""
    command = written.get("command") if isinstance(written, dict) else written
    if isinstance(command, list | tuple):
        return " ".join(command)
    return command if isinstance(command, str) else None
