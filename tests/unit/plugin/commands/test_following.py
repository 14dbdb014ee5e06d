"""A follower hands on every line once, submits in turn, and can be replaced at any moment."""

from __future__ import annotations

from functools import partial

import pytest

from airflow_plugin.commands.allowance import BURST_BYTES, BYTES_PER_SECOND, SharedAllowance
from airflow_plugin.commands.course import Course, Entry, Order
from airflow_plugin.commands.errors import Conflict
from airflow_plugin.commands.following import EARLIER_SECONDS, SETTLED_SECONDS, Unlimited
from airflow_plugin.commands.outcome import CommandGone, Rules
from airflow_plugin.commands.questions import ReadingLog, Submitting, Watching
from edge_agent.protocol.commands import Submit
from tests.unit.plugin.commands.told import Told, busy


def course(count=1, order=Order.SEQUENTIAL, *, stops=True):
    submits = [Submit(command="a", name=str(number)) for number in range(1, count + 1)]
    return Course.of(submits, order, stops=stops, rules=Rules())


def plan(queue, *steps):
    """Let a command say something or end at given times: ``(seconds, name, text or exit code)``."""
    for number, (when, name, what) in enumerate(steps):
        does = (
            partial(queue.say, name, what)
            if isinstance(what, str)
            else partial(lambda n, c: queue.named(n).end(c), name, what)
        )
        queue.events.append((100.0 + when, number, does))
    queue.events.sort(key=lambda event: event[:2])
    return queue


def test_every_line_is_handed_on_once_and_the_last_one_too():
    queue = plan(Told(), (1, "1", "one\ntw"), (2, "1", "o\nthree"), (3, "1", 0))
    it = course()
    queue.follow(it)
    assert queue.said == ["1: one", "1: two", "1: three"]
    assert it.is_over
    assert queue.told == ["submitted 1"]


def test_a_command_that_ends_at_once_is_read_to_its_end():
    queue = plan(Told(), (0.1, "1", "x\n" * 300_000), (0.1, "1", 0))
    queue.follow(course())
    assert len(queue.said) == 300_000


def test_in_sequence_each_is_submitted_when_the_one_before_has_ended():
    queue = plan(Told(), (1, "1", "one\n"), (2, "1", 0), (3, "2", "two\n"), (4, "2", 0))
    queue.follow(course(2))
    assert queue.said == ["1: one", "2: two"]
    assert [type(each) for each in queue.asked].count(Submitting) == 2


@pytest.mark.parametrize("allowance", [Unlimited(), SharedAllowance()], ids=["a worker", "a triggerer"])
def test_whoever_goes_on_reads_no_log_before_it_knows_how_far_it_was_read(allowance):
    queue = plan(Told(), (1, "1", "one\n"), (2, "1", 0), (9, "2", "two\n"), (70, "2", 0))
    it = course(2)
    queue.follow(it, seconds=5)
    assert queue.said == ["1: one"]
    queue.slow_until = queue.now + 60
    queue.follow(Course.model_validate(it.model_dump(mode="json")), allowance=allowance)
    assert queue.said == ["1: one", "2: two"]


def test_those_beside_a_failed_one_are_ended():
    queue = plan(Told(), (1, "2", "oh\n"), (1, "2", 3))
    it = course(3, Order.PARALLEL)
    queue.follow(it)
    assert [each.state.value for each in it.entries if each.state] == ["cancelled", "failed", "cancelled"]
    assert queue.said == ["2: oh"]


def test_an_earlier_try_is_waited_for_and_said():
    queue = plan(Told(), (5, "1", 0))
    queue.refusals = [busy(), busy()]
    queue.follow(course())
    assert queue.told == ["1 waits: an earlier one runs", "submitted 1"]


def test_an_earlier_try_that_does_not_end_is_not_waited_for_for_ever():
    queue = Told()
    queue.refusals = [busy()] * 2000
    with pytest.raises(Conflict):
        queue.follow(course())
    assert queue.now == pytest.approx(100 + EARLIER_SECONDS, abs=2)


def test_a_task_that_airflow_has_given_up_submits_nothing():
    queue = Told()
    queue.refusals = [Conflict("Airflow does not wait for it")]
    with pytest.raises(Conflict, match="does not wait"):
        queue.follow(course())


def test_what_takes_longer_than_a_moment_is_left_with_what_is_not_submitted():
    queue = Told()
    queue.refusals = [busy()] * 9
    it = course()
    queue.follow(it, seconds=1.0)
    assert it.entries[0].submit is not None
    assert not it.is_over


def test_whoever_goes_on_hands_on_what_is_left_and_no_line_twice():
    queue = plan(Told(), (0.5, "1", "one\ntw"), (2, "1", "o\n"), (3, "1", 0))
    it = course()
    queue.follow(it, seconds=1.0)
    assert queue.said == ["1: one"]
    again = Course.model_validate_json(it.model_dump_json())
    queue.follow(again)
    assert queue.said == ["1: one", "1: two"]


def test_a_triggerer_leaves_the_lines_that_come_with_the_end_to_the_worker():
    queue = plan(Told(), (1, "1", "one\n"), (2, "1", "two\n"), (2, "1", 0))
    it = course()
    queue.follow(it, leaves_the_end=True)
    assert queue.said == ["1: one"]
    queue.follow(Course.model_validate_json(it.model_dump_json()))
    assert queue.said == ["1: one", "1: two"]


def test_a_triggerer_reads_the_logs_of_those_that_ended_before_the_last():
    queue = plan(Told(), (1, "1", "one\n"), (1, "1", 0), (2, "2", "two\n"), (2, "2", 0))
    queue.follow(course(2), leaves_the_end=True)
    assert queue.said == ["1: one"]


def test_the_queue_is_told_what_was_handed_on_once_that_is_safe():
    queue = plan(Told(), (1, "1", "one\n"), (60, "1", 0))
    queue.follow(course(), leaves_the_end=True)
    told = [(each.commands[0].read_offset or 0) for each in queue.asked if isinstance(each, Watching)]
    assert told[0] == 0
    assert told[-1] == len("one\n")
    assert queue.named("1").read_offset == 4


def test_the_queue_is_not_told_before():
    queue = plan(
        Told(), (1, "1", "one\n"), (1 + SETTLED_SECONDS / 2, "1", "two\n"), (1.1 + SETTLED_SECONDS / 2, "1", 0)
    )
    queue.follow(course(), leaves_the_end=True)
    assert queue.named("1").read_offset == 0


def test_a_killed_triggerer_is_replaced_by_one_that_starts_nothing_and_goes_on_where_it_was():
    """It has what the worker knew when it deferred, and the queue knows the rest."""
    queue = plan(Told(), (0.5, "1", "one\n"))
    it = course()
    queue.follow(it, seconds=1.0)
    deferred = it.model_dump_json()
    plan(queue, (2, "1", "two\n"), (3, "1", "three\n"))
    queue.follow(Course.model_validate_json(deferred), leaves_the_end=True, seconds=20.0)
    plan(queue, (queue.now - 100 + 1, "1", "four\n"), (queue.now - 100 + 10, "1", 0))
    last = Course.model_validate_json(deferred)
    queue.follow(last, leaves_the_end=True)
    queue.follow(last)
    assert queue.said == ["1: one", "1: two", "1: three", "1: four"]
    assert [type(each) for each in queue.asked].count(Submitting) == 1


def test_a_log_that_grows_faster_than_the_triggerer_may_log_is_left_to_a_worker():
    line = "x" * 99 + "\n"
    queue = plan(Told(), (1, "1", line), (2, "1", line * 40_000))
    it = course()
    queue.follow(it, leaves_the_end=True, most_behind=1_048_576, behind_after=30.0, allowance=SharedAllowance())
    assert not it.is_over
    assert 130 <= queue.now <= 132
    assert 100 < len(queue.said) * len(line) < BURST_BYTES + 32 * BYTES_PER_SECOND
    plan(queue, (queue.now - 100 + 1, "1", 0))
    queue.follow(it)
    assert len(queue.said) == 40_001


def test_a_triggerer_hears_of_the_end_of_a_command_between_pieces_of_its_log():
    queue = plan(Told(), (1, "1", "x\n" * 1_000_000), (3, "1", 0))
    queue.follow(course(), leaves_the_end=True, allowance=SharedAllowance())
    assert queue.now < 105


def test_a_log_that_was_cut_is_not_asked_for_again_and_again():
    """What a command has written is more than is stored of it."""
    queue = Told()
    command = queue.add()
    command.log, command.cut_bytes = b"one\n", 10_000
    plan(queue, (300, "1", 0))
    queue.follow(Course(entries=[Entry(name="1", job_id=command.id)]))
    assert sum(isinstance(each, ReadingLog) for each in queue.asked) < 10
    assert queue.said == ["1: one"]


def test_a_command_that_the_queue_does_not_know_any_more_is_a_failure_that_says_so():
    queue = Told()
    it = Course(entries=[Entry(name="1", job_id=queue.add().id)])
    queue.commands.clear()
    with pytest.raises(CommandGone, match="does not know"):
        queue.follow(it)


def test_one_look_is_enough_where_no_more_is_wanted():
    queue = Told()
    command = queue.add()
    command.log, command.read_offset = b"one\ntwo\nth", 4
    it = Course(entries=[Entry(name="1", job_id=command.id)])
    queue.follow(it, seconds=0.0)
    assert queue.said == ["1: two"]
    assert it.entries[0].offset == 8
