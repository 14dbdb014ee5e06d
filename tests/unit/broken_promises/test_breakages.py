"""The table of what breaks the promises fits the code and the docs as they are."""

from __future__ import annotations

import ast

import pytest

from tests.broken_promises.breakages import ROOT, breakages, named_tests, promises

TABLE = breakages()


@pytest.mark.parametrize("breakage", TABLE, ids=[each.what for each in TABLE])
def test_a_line_to_be_broken_stands_once_and_what_breaks_it_can_be_read(breakage):
    """Changed on purpose? Then say in ``breakages.toml`` how it is broken now, and `make broken-promises`."""
    whole = (ROOT / breakage.file).read_text(encoding="utf-8")
    assert whole.count(breakage.old) == 1
    assert breakage.new != breakage.old
    ast.parse(whole.replace(breakage.old, breakage.new))


def test_every_promise_is_broken_and_has_tests_that_can_notice():
    assert set(promises()) == {each.promise for each in TABLE}
    assert [promise for promise in promises() if not named_tests(promise)] == []


def test_no_two_breakages_are_the_same():
    assert len({(each.file, each.old, each.new) for each in TABLE}) == len({each.what for each in TABLE}) == len(TABLE)
