"""What a command is known by."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import uuid4

from airflow_plugin.commands.keys import TaskTry
from edge_agent.protocol.commands import MAX_KEY, Submit


def task_try(**values):
    known = {"id": uuid4(), "dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "try_number": 1}
    return TaskTry.of({"ti": SimpleNamespace(**known | values)})


def test_a_key_is_of_the_try_and_a_family_of_all_tries():
    first, second = task_try(), task_try(try_number=2)
    assert first.key("1") == "d|r|t|-1|1|1"
    assert first.key("1") != second.key("1")
    assert first.family("1") == second.family("1") == "d|r|t|-1|1"


def test_commands_and_mapped_tasks_have_keys_of_their_own():
    keys = {task_try(map_index=index).key(name) for index in (-1, 0, 1) for name in ("1", "2")}
    assert len(keys) == 6


def test_a_key_that_would_be_too_long_is_a_digest():
    long = task_try(dag_id="d" * 250, run_id="r" * 250, task_id="t" * 250)
    key, other = long.key("n" * 250), long.key("n" * 249 + "m")
    assert len(key) <= MAX_KEY
    assert key != other


def test_a_command_says_whose_it_is_and_whether_it_ends_with_it():
    task = task_try(map_index=3)
    own = task.own(Submit(command="a"), ends_with_it=False)
    assert own.tie is not None
    assert (own.tie.id, own.tie.map_index, own.tie.ends_with_it) == (task.id, 3, False)
    assert (own.key, own.family, own.label) == (task.key("1"), task.family("1"), "d.t [3]")
