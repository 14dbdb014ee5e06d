"""How much of logs a triggerer's process may hand on."""

from __future__ import annotations

from airflow_plugin.commands.allowance import BURST_BYTES, BYTES_PER_SECOND, EVENT_BYTES, PIECE_BYTES, SharedAllowance


def test_a_burst_is_allowed_and_then_nothing_until_time_has_passed():
    it = SharedAllowance()
    handed_on = 0
    while it.allowed(5.0):
        it.spend(PIECE_BYTES, 0.0)
        handed_on += PIECE_BYTES + EVENT_BYTES
    assert BURST_BYTES <= handed_on < BURST_BYTES + PIECE_BYTES + EVENT_BYTES
    assert it.allowed(5.0) == 0
    assert it.allowed(5.0 + 2 * PIECE_BYTES / BYTES_PER_SECOND) == PIECE_BYTES


def test_what_is_saved_is_bounded():
    it = SharedAllowance()
    it.allowed(0.0)
    it.allowed(3600.0)
    it.spend(int(BURST_BYTES), 0.0)
    assert it.allowed(3600.0) == 0


def test_whoever_was_held_up_leaves_the_reader_alone():
    it = SharedAllowance()
    it.allowed(0.0)
    it.spend(10, 0.5)
    assert it.allowed(9.0) == 0
    assert it.allowed(11.0) == PIECE_BYTES
