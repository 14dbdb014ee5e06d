"""A queue API that speaks the task side, and Airflow connections to it."""

from __future__ import annotations

import json
import logging
import re
from types import SimpleNamespace
from uuid import uuid4

import pytest

from airflow_plugin.hooks.edge_agent import EdgeAgentHook
from tests.support.fake_commands import TOKEN, FakeCommands


@pytest.fixture
def server():
    """Give a queue API without Airflow."""
    with FakeCommands() as it:
        yield it


@pytest.fixture
def connect(monkeypatch):
    """Give a function that writes the connection ``edge_agent_default`` anew."""

    def write(url, token=TOKEN, **extra):
        connection = {"conn_type": "edge_agent", "host": url, "password": token, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_EDGE_AGENT_DEFAULT", json.dumps(connection))

    return write


@pytest.fixture
def hook(server, connect):
    """Give a hook with a connection to the server."""
    connect(server.url)
    hook = EdgeAgentHook(outage_seconds=30)
    yield hook
    hook.close()


class TaskInstance(SimpleNamespace):
    """What an operator needs of one."""

    def __init__(self, **values):
        known = {"id": uuid4(), "dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "try_number": 1}
        super().__init__(xcoms={}, task=None, **known | values)

    def xcom_push(self, key, value):
        self.xcoms[key] = value

    def xcom_pull(self, *, task_ids, key, map_indexes):
        return self.xcoms.get(key)


@pytest.fixture
def task_instance():
    return TaskInstance()


@pytest.fixture
def context(task_instance):
    return {"ti": task_instance}


@pytest.fixture
def logged(capsys, caplog):
    """Give a function that returns those of some messages that were logged so far, however Airflow logs here."""
    caplog.set_level(logging.INFO)
    written = []

    def of(*messages):
        written.append(capsys.readouterr().out)
        lines = re.findall(r"\] (.*?) *(?:\[airflow|$)", "".join(written), re.MULTILINE)
        return [each for each in lines or caplog.messages if each in messages]

    return of


@pytest.fixture
def connected(server, connect):
    connect(server.url)
    return server
