"""What is to be submitted and ended next."""

from __future__ import annotations

import json

import pytest

from airflow_plugin.commands.course import Course, Order
from airflow_plugin.commands.outcome import Rules
from edge_agent.protocol.commands import Submit
from tests.unit.plugin.commands.views import ended, view


def course(count=3, order=Order.SEQUENTIAL, *, stops=True, rules=None):
    submits = [Submit(command="a", name=str(number)) for number in range(1, count + 1)]
    return Course.of(submits, order, stops=stops, rules=rules or Rules())


def names(entries):
    return [each.name for each in entries]


def test_in_sequence_one_begins_when_the_one_before_has_succeeded():
    it = course()
    assert names(it.to_submit()) == ["1"]
    it.entries[0].take(view(name="1"))
    assert names(it.to_submit()) == []
    it.entries[0].take(ended(name="1", id=it.job_ids[0]))
    assert names(it.to_submit()) == ["2"]


def test_in_parallel_all_begin_at_once():
    assert names(course(order=Order.PARALLEL).to_submit()) == ["1", "2", "3"]


@pytest.mark.parametrize("exit_code", [1, 99])
def test_after_the_first_that_does_not_succeed_none_begins_and_the_others_are_ended(exit_code):
    it = course(order=Order.PARALLEL, rules=Rules(skip=frozenset({99})))
    for entry in it.entries[:2]:
        entry.take(view(name=entry.name))
    it.entries[0].take(ended(exit_code, id=it.job_ids[0]))
    assert names(it.to_submit()) == []
    assert names(it.to_end()) == ["2"]
    assert not it.is_over
    it.entries[1].take(ended(1, id=it.job_ids[1]))
    assert it.is_over
    assert [each.view is not None for each in it.ended([])] == [False, False, False]


def test_all_run_where_that_is_wanted():
    it = course(stops=False)
    it.entries[0].take(ended(1))
    assert names(it.to_submit()) == ["2"]
    assert names(it.to_end()) == []


def test_an_exit_code_that_is_taken_for_success_stops_nothing():
    it = course(rules=Rules(success=frozenset({0, 3})))
    it.entries[0].take(ended(3))
    assert names(it.to_submit()) == ["2"]


def test_it_is_over_when_nothing_is_open_and_nothing_is_to_be_submitted():
    it = course(1)
    assert not it.is_over
    it.entries[0].take(view())
    assert not it.is_over
    it.entries[0].take(ended(id=it.job_ids[0]))
    assert it.is_over


def test_it_travels_as_json_and_what_was_submitted_travels_no_further():
    it = course(2)
    it.entries[0].take(view())
    it.entries[0].offset = 7
    dumped = json.loads(json.dumps(it.model_dump(mode="json")))
    assert Course.model_validate(dumped) == it
    assert dumped["entries"][0]["submit"] is None


def test_what_another_watcher_has_handed_on_is_known():
    it = course(1)
    it.entries[0].take(view(read_offset=40))
    assert it.entries[0].offset == 40
    it.entries[0].take(view(read_offset=10))
    assert it.entries[0].offset == 40


def test_lines_are_told_apart_only_where_there_are_several_commands():
    assert course(1).prefixed(course(1).entries[0], "x") == "x"
    assert course(2).prefixed(course(2).entries[1], "x") == "[2] x"
