"""Listed commands, word by word."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.templates import Mismatch, Template

ETL = Template.parse(["/home/etl/run.sh", "--day={day:date}", "{region:one_of(eu,us)}", "-v", "{n:int(1..100)}"])
RIGHT = ["/home/etl/run.sh", "--day=2026-11-21", "eu", "-v", "7"]


def matches(template, argv):
    try:
        return template.match(argv)
    except Mismatch:
        return None


def test_a_command_that_is_listed_matches_as_it_is():
    assert ETL.match(RIGHT) == RIGHT
    assert ETL.program == "/home/etl/run.sh"


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (RIGHT[:-1], "takes 5 words with the program, not 4"),
        ([*RIGHT, "--force"], "not 6"),
        ([], "not 0"),
        (["run.sh", *RIGHT[1:]], "the program must be '/home/etl/run.sh'"),
        ([RIGHT[0], "2026-11-21", *RIGHT[2:]], r"argument 1, --day=\{day:date\}, must look like"),
        ([RIGHT[0], "--day=today", *RIGHT[2:]], "argument 1, .* must be a date"),
        ([*RIGHT[:3], "-V", "7"], "argument 3, -v, must be '-v'"),
        ([*RIGHT[:4], "101"], "a whole number from 1 to 100"),
    ],
)
def test_what_differs_is_told_by_its_place(argv, why):
    with pytest.raises(Mismatch, match=why):
        ETL.match(argv)


def test_a_refused_value_is_not_repeated():
    with pytest.raises(Mismatch) as refused:
        ETL.match([RIGHT[0], "--day=hunter2", *RIGHT[2:]])
    assert "hunter2" not in str(refused.value)


@given(place=st.integers(0, 4), text=st.text())
def test_one_other_word_is_enough_to_be_refused(place, text):
    argv = [*RIGHT[:place], text, *RIGHT[place + 1 :]]
    if place in (0, 3) and text != RIGHT[place]:
        assert matches(ETL, argv) is None
    taken = matches(ETL, argv)
    assert taken is None or taken == argv


@given(st.lists(st.text(), max_size=7))
def test_words_are_never_joined_or_split(argv):
    assert matches(ETL, argv) in (None, argv)
    assert matches(ETL, [" ".join(RIGHT)]) is None


@given(st.text())
def test_a_fixed_text_takes_itself_alone(text):
    template = Template.parse(["/bin/x", text.replace("{", "{{").replace("}", "}}")])
    assert template.match(["/bin/x", text]) == ["/bin/x", text]
    assert matches(template, ["/bin/x", text + "x"]) is None


@given(before=st.text(alphabet="ab-=/"), after=st.text(alphabet="ab-=/."), text=st.text(alphabet="ab12-=/. "))
def test_a_value_is_what_stands_between_its_beginning_and_its_end(before, after, text):
    template = Template.parse(["/bin/x", f"{before}{{n:int(1..9)}}{after}"])
    right = [f"{before}{n}{after}" for n in range(1, 10)]
    assert (matches(template, ["/bin/x", text]) is not None) == (text in right)
    assert matches(template, ["/bin/x", before + after]) is None


@given(st.lists(st.text(), max_size=4))
def test_no_text_breaks_the_reader(words):
    with suppress(ValueError):
        Template.parse(words)


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ([], "the program itself, as an absolute path"),
        (["run.sh"], "absolute path"),
        (["/opt/../bin/sh"], "absolute path"),
        (["{program:path(/bin)}"], "absolute path"),
        (["/bin/x", "{day}"], "needs a name and a type"),
        (["/bin/x", "{:date}"], "needs a name"),
        (["/bin/x", "{day!r:date}"], "needs a name"),
        (["/bin/x", "{day:date}{n:int(1..2)}"], "more than one value"),
        (["/bin/x", "{day:date}", "{day:date}"], "stands there twice"),
        (["/bin/x", "{day:date"], "'{day:date': "),
        (["/bin/x", "{day:when}"], "is no type"),
    ],
)
def test_a_listed_command_that_makes_no_sense_is_refused(argv, why):
    with pytest.raises(ValueError, match=why):
        Template.parse(argv)
