"""The audit of logs complains of each way in which one can be wrong."""

from __future__ import annotations

import pytest

from tests.chaos.lines import fault_of


def log(*numbers: int, total: int) -> str:
    return "\n".join(["before", *(f"line {number}" for number in numbers), f"{total} lines in all", "after"])


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_whole_log_has_no_fault(count):
    assert fault_of(log(*range(count), total=count)) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (log(0, 2, total=3), "has 2 of 3 lines: 1 are missing, 0 come twice"),
        (log(0, 1, 1, 2, total=3), "has 4 of 3 lines: 0 are missing, 1 come twice"),
        (log(1, 0, total=2), "has 2 of 2 lines: 0 are missing, 0 come twice"),
        ("line 0\nline 1", "says 0 times how many lines it has"),
        (log(total=0) + "\n0 lines in all", "says 2 times how many lines it has"),
    ],
)
def test_a_log_that_is_not_whole_is_said_to_be_so(text, fault):
    assert fault_of(text) == fault
