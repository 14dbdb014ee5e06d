"""The tables. Constraints hold the invariants; every index names the query it is there for."""

from __future__ import annotations

from airflow_plugin.models.agents import AgentRow
from airflow_plugin.models.base import SCHEMA, Base
from airflow_plugin.models.duties import DutyRow
from airflow_plugin.models.jobs import FAMILY_IS_OPEN, JOBS, LOG_IS_DUE, TIE_IS_OPEN, JobRow, LogRow
from airflow_plugin.models.past import EventRow, SampleRow
from airflow_plugin.models.tokens import SecretRow, TokenRow

__all__ = [
    "FAMILY_IS_OPEN",
    "JOBS",
    "LOG_IS_DUE",
    "SCHEMA",
    "TIE_IS_OPEN",
    "AgentRow",
    "Base",
    "DutyRow",
    "EventRow",
    "JobRow",
    "LogRow",
    "SampleRow",
    "SecretRow",
    "TokenRow",
]
