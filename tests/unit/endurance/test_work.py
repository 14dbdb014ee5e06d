"""The judge of long proofs complains of each kind of broken promise: one that never did would prove nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.endurance.work import Seen, Work

DEFERS = Work("defers", "local", before=3, away=1, after=2)
GOOD = Seen("success", 1, returned=5, starts=2, ends=2, numbers=[0, 1, 2, 3, 4])


def test_work_as_it_should_be_is_no_complaint():
    assert GOOD.complaints(DEFERS) == []


@pytest.mark.parametrize(
    ("differs", "complaint"),
    [
        ({"state": "failed", "returned": None}, "it is failed at try 1, not success at try 1"),
        ({"try_number": 2}, "it is success at try 2, not success at try 1"),
        ({"returned": 3}, "it returned 3, not 5"),
        ({"starts": 3}, "the ledger has 3 starts and 2 ends of it, not 2 of each"),
        ({"ends": 1}, "the ledger has 2 starts and 1 ends of it, not 2 of each"),
        ({"numbers": [0, 3, 4]}, "2 lines of its log are missing, such as line 1"),
        ({"numbers": [0, 1, 1, 2, 3, 4]}, "1 lines of its log are doubled, such as line 1"),
        ({"numbers": [0, 1, 2, 3, 4, 5]}, "1 lines of its log are unknown, such as line 5"),
        ({"numbers": [0, 2, 1, 3, 4]}, "the lines of its log are not in order"),
    ],
)
def test_a_promise_that_was_broken_is_complained_of(differs, complaint):
    assert replace(GOOD, **differs).complaints(DEFERS) == [f"defers: {complaint}"]
