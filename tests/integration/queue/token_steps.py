"""What tests of tokens do, each step in a transaction of its own."""

from __future__ import annotations

from sqlalchemy import select

from airflow_plugin.models import SecretRow
from airflow_plugin.queue import agents, tokens
from airflow_plugin.queue.allowances import Allowance
from tests.support.queue_bed import ASKS_FROM


def create(queue, name="t", *, expires_in_days=None, created_by=None, most=None, **allowed):
    with queue.database.transaction() as session:
        made = {"expires_in_days": expires_in_days, "created_by": created_by, "most": most}
        return tokens.create(session, name, Allowance(**allowed), **made).get_secret_value()


def authenticate(queue, value, agent="a1", queues=("default",), address=None):
    with queue.database.transaction() as session:
        return tokens.authenticate(session, value, agent, queues, address)


def listed(queue):
    with queue.database.transaction() as session:
        return tokens.listed(session)


def stored(queue):
    """Return what is stored of all secrets."""
    with queue.database.transaction() as session:
        return list(session.scalars(select(SecretRow)))


def register(queue, value, name):
    """Register as the API does, with this token."""
    with queue.database.transaction() as session:
        token = tokens.authenticate(session, value, name, ["default"])
        agents.register(session, name, queue.registration(), token=token, **ASKS_FROM)


def rotate(queue, name="t", **options):
    with queue.database.transaction() as session:
        return tokens.rotate(session, name, **options).get_secret_value()
