"""Times as people type them."""

from __future__ import annotations

import pytest

from airflow_plugin.cli.command import RefusedError
from airflow_plugin.cli.durations import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604_800), ("1h30m", 5400), ("0.5h", 1800), (None, None)],
)
def test_what_a_time_means(text: str | None, expected: float | None):
    assert seconds(text, "--expires-in") == expected


@pytest.mark.parametrize("text", ["", "2", "h", "2x", "2h!", "-2h", "0s", "1h 30m", "two hours"])
def test_anything_else_is_refused_with_an_example(text: str):
    with pytest.raises(RefusedError, match=r"--deadline .* is not a time; write for example 90s, 30m, 2h or 7d"):
        seconds(text, "--deadline")
