"""The schedule of faults: the same for a seed, and fair to those who are met."""

from __future__ import annotations

from itertools import pairwise

from tests.chaos.faults import FAULTS, SERVERS, schedule


def test_a_seed_draws_the_same_schedule_each_time_and_another_seed_another():
    assert schedule(7, 600) == schedule(7, 600)
    assert schedule(7, 600) != schedule(8, 600)


def test_nobody_is_met_by_two_faults_at_once_and_the_end_is_calm():
    for seed in range(30):
        faults = schedule(seed, 300)
        for target in {fault.target for fault in faults}:
            mine = [fault for fault in faults if fault.target == target]
            assert all(before.end < after.begin for before, after in pairwise(mine))
        away = [fault for fault in faults if fault.target == "every api-server"]
        single = [fault for fault in faults if fault.target in SERVERS]
        assert not any(one.begin <= all_.end and all_.begin <= one.end for all_ in away for one in single)
        assert all(fault.begin < 280 for fault in faults)


def test_every_kind_of_fault_happens_sooner_or_later():
    assert {fault.kind for seed in range(20) for fault in schedule(seed, 300)} == set(FAULTS)
