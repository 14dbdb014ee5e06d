"""What says which trace something belongs to is three numbers, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.protocol.traces import traceparent

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_trace_is_what_it_is():
    assert traceparent(GOOD) == GOOD


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        7,
        "",
        GOOD.upper(),
        GOOD + "\n",
        GOOD + "-more",
        "01" + GOOD[2:],
        GOOD.replace("b7ad6b7169203331", "0" * 16),
    ],
)
def test_anything_else_is_none(wrong):
    assert traceparent(wrong) is None


@given(st.text() | st.binary() | st.integers() | st.none())
def test_whatever_is_said_it_can_be_put_into_an_environment(said):
    found = traceparent(said)
    assert found is None or set(found) <= set("0123456789abcdef-")
