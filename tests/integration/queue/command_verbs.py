"""What those who submit commands do to the queue, and the indexes it is done by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import TokenRow
from airflow_plugin.queue import commands, ties, tokens
from airflow_plugin.queue.allowances import Allowance, TokenKind
from edge_agent.protocol.commands import Submit
from tests.support.queue_fill import Filled


def submit_two(session: Session, _filled: Filled) -> None:
    tokens.create(session, "submits", Allowance(kind=TokenKind.SUBMIT))
    token = session.scalars(select(TokenRow).where(TokenRow.name == "submits")).one()
    for key in ("first", "second"):
        asked = Submit(command="true", key=key, family="one")
        commands.submit(session, token, asked, QueueConfig(), default_queue="default")


COMMAND_VERBS: dict[str, tuple[Callable[[Session, Filled], Any], set[str]]] = {
    "submits of a family": (submit_two, {"ix_edge_agent_job_key", "ix_edge_agent_job_family"}),
    "commands whose tasks are over": (lambda session, _: ties.end_unwanted(session), {"ix_edge_agent_job_tie"}),
}
