"""Which workloads an executor holds, however often their keys are reused."""

from __future__ import annotations

from uuid import uuid4

from airflow.models.callback import CallbackKey

from airflow_plugin.queue.jobs import Workload
from airflow_plugin.scheduling.tracking import PATIENCE_SECONDS, Tracker

WORKLOAD = Workload("ExecuteTask", uuid4())


class Bed:
    def __init__(self) -> None:
        self.now = 0.0
        self.running: set[object] = set()
        self.tracker = Tracker(self.running, lambda: self.now)


def test_only_the_latest_job_of_a_key_lets_go_of_it():
    bed, key, first, second = Bed(), CallbackKey("a"), uuid4(), uuid4()
    bed.tracker.hold(key, first, WORKLOAD)
    bed.tracker.hold(key, second, WORKLOAD)
    assert bed.tracker.has_other(key, first)

    bed.tracker.let_go(key, first)
    assert bed.running == {key}
    bed.tracker.let_go(key, second)
    assert (bed.running, len(bed.tracker)) == (set(), 0)


def test_letting_go_of_what_was_never_held_is_fine():
    bed = Bed()
    bed.running.add(CallbackKey("from elsewhere"))
    bed.tracker.let_go(CallbackKey("from elsewhere"), uuid4())
    assert bed.running == set()
    assert not bed.tracker.has_other(CallbackKey("x"), uuid4())


def test_what_is_new_is_not_checked_yet():
    bed = Bed()
    bed.tracker.hold(CallbackKey("a"), uuid4(), WORKLOAD)
    assert bed.tracker.next_to_check(10) == []
    bed.now = PATIENCE_SECONDS
    assert len(bed.tracker.next_to_check(10)) == 1


def test_everything_is_checked_in_turn():
    bed = Bed()
    keys = [CallbackKey(str(number)) for number in range(5)]
    for key in keys:
        bed.tracker.hold(key, uuid4(), WORKLOAD)
    bed.now = PATIENCE_SECONDS

    checked = [{held.key for held in bed.tracker.next_to_check(2)} for _ in range(3)]

    assert [len(each) for each in checked] == [2, 2, 2]
    assert set.union(*checked) == set(keys)
    assert len(bed.tracker.held()) == 5
