"""What of a command's output becomes an XCom: small values as they are, large ones as where to find them."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any
from uuid import UUID

from airflow.sdk.exceptions import AirflowException

from airflow_plugin.commands.answers import Output

OUTPUT_LIMIT = 65_536
"""Bytes of output that one task's XCom holds at most, unless the task says otherwise."""

REFERENCE = "edge_agent_job"


class OutputForm(StrEnum):
    """What of the standard output a task returns."""

    LAST_LINE = "last_line"
    """The last line that is not empty."""

    ALL = "all"
    """All of it, as text."""

    JSON = "json"
    """All of it, read as JSON."""

    NONE = "none"
    """Nothing."""


class OutputUnreadable(AirflowException):
    """The output is not what the task says it is."""


def text(content: bytes) -> str:
    r"""Return bytes as a text that every database holds: what is no UTF-8, and NUL, as ``\xNN``."""
    return content.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def returned(form: OutputForm, output: Output, limit: int) -> Any:
    """Return the value of an output, of which the last ``limit`` bytes or more are at hand.

    :returns: None where the value is longer than ``limit`` bytes: then it is to be referred to.
    :raises OutputUnreadable: when it should be JSON and is not.
    """
    if form is OutputForm.LAST_LINE:
        return _last_line(output, limit)
    if output.total_bytes > limit:
        return None
    if form is OutputForm.ALL:
        return text(output.content)
    try:
        return json.loads(output.content)
    except (ValueError, RecursionError) as error:  # the latter: nested too deep
        lost = "" if output.is_whole else " Some of the output was lost on its way."
        msg = f"The output is not JSON, as output='json' says it is: {error}.{lost}"
        raise OutputUnreadable(msg) from None


def reference(job_id: UUID, total_bytes: int, conn_id: str) -> dict[str, Any]:
    """Return what stands in an XCom for an output that is too large for one."""
    read = f"EdgeAgentHook({conn_id!r}).logs(UUID({str(job_id)!r}))"
    return {REFERENCE: str(job_id), "bytes": total_bytes, "read_with": read}


def _last_line(output: Output, limit: int) -> str | None:
    lines = output.content.rstrip().splitlines()
    if not lines:
        return ""
    begins_before = len(lines) == 1 and output.total_bytes > len(output.content)
    return None if begins_before or len(lines[-1]) > limit else text(lines[-1])
