"""Typed values of listed commands: what their type does not say does not get through."""

from __future__ import annotations

import os
import re
import unicodedata
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.policy.values import value_of

SPECS = ("date", "int(0..100)", "one_of(eu,us)", "word", "word(3)")

NASTY = st.one_of(
    st.text(),
    st.text(alphabet="0123456789-+.eu \t\n\0\u00a0\u2003\u0660\uff11\u202e\ud800"),
    st.sampled_from(["eu", "us", "7", "2026-11-21"]).flatmap(
        lambda good: st.sampled_from([good + "\n", " " + good, good + "\0", "-" + good, good + "\u2003", good + " ;id"])
    ),
)


def accepted(spec, text):
    try:
        return value_of(spec).accept(text)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("spec", "right", "wrong"),
    [
        ("date", ["2026-11-21", "2024-02-29"], ["2026-02-30", "2025-02-29", "20261121", "2026-1-2", "", "today"]),
        ("int(1..100)", ["1", "42", "100"], ["0", "101", "01", "+1", "1.0", "1e1", "-1", "", "1_0", "\u0661"]),
        ("int(-5..5)", ["-5", "0", "5"], ["-6", "-0", "--5", "- 5"]),
        ("one_of(eu,us)", ["eu", "us"], ["EU", "eu,us", "", "e"]),
        ("one_of(--full, --part)", ["--full", "--part"], ["--fu", "--full=1"]),
        (
            "word",
            ["a", "_x", "manual__2026-01-01T00:00:00+00:00", "dag.task"],
            ["", "-a", ".a", "a b", "a/b", "ä", "a;b"],
        ),
        ("word(3)", ["abc"], ["abcd"]),
    ],
)
def test_a_type_takes_what_it_says(spec, right, wrong):
    assert [accepted(spec, text) for text in right] == right
    assert [accepted(spec, text) for text in wrong] == [None] * len(wrong)


@given(spec=st.sampled_from(SPECS), text=NASTY)
def test_what_is_taken_is_plain_printable_ascii_and_no_option(spec, text):
    taken = accepted(spec, text)
    if taken is not None:
        assert taken == text
        assert re.fullmatch(r"[!-~]+", taken)
        assert not taken.startswith("-")


@given(text=NASTY)
@example("2026-11-21\n")
def test_a_date_is_a_day_of_the_calendar(text):
    if accepted("date", text) is not None:
        assert date.fromisoformat(text).isoformat() == text


@given(low=st.integers(-(10**17), 10**17), size=st.integers(0, 10**17), number=st.integers(-(10**19), 10**19))
def test_an_int_is_between_its_ends_and_written_one_way(low, size, number):
    spec = f"int({low}..{low + size})"
    assert (accepted(spec, str(number)) is not None) == (low <= number <= low + size)


@pytest.mark.parametrize(
    "spec",
    ["dates", "date()", "int", "int(1)", "int(5..1)", "int(1..x)", "one_of", "one_of()", "one_of(a,)", "word(0)",
     "word(x)", "path", "path(data)", "path(/a/../b)", "path(/a/)", "", "date ", "path(/a)(/b)", "regex(.*)"],
)  # fmt: skip
def test_a_type_that_makes_no_sense_is_refused(spec):
    with pytest.raises(ValueError, match=r"\w"):
        value_of(spec)


@given(st.text())
def test_no_text_breaks_the_reader_of_types(text):
    accepted(text, "x")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Give a directory with links in and out of it, beside a file that nobody should get."""
    folder = tmp_path_factory.mktemp("tree")
    (root := folder / "data").mkdir()
    (root / "sub").mkdir()
    (root / "file").touch()
    (folder / "secret").touch()
    (folder / "database").touch()
    for name, target in {
        "in": "sub",
        "out": "..",
        "absolute": "/etc",
        "dangling": "../not-yet",
        "round": "round",
        "secret": "../secret",
    }.items():
        (root / name).symlink_to(target)
    return root


PARTS = ("..", ".", "", "sub", "file", "in", "out", "absolute", "dangling", "round", "secret", "passwd", "new", "-rf",
         "a\nb", "a\0b", "\u2003", "~", "$HOME")  # fmt: skip


@given(
    parts=st.lists(st.sampled_from(PARTS), max_size=5),
    start=st.sampled_from(["{}/", "{}", "/", "", "//{}/", "{}base/"]),
)
def test_a_path_stays_below_its_root_wherever_links_lead(tree, parts, start):
    text = start.format(tree) + "/".join(parts)
    found = accepted(f"path({tree})", text)
    if found is not None:
        assert not {"..", "."} & set(text.split("/"))
        assert os.path.realpath(found) == found
        assert found.startswith(f"{tree}/")
        assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in found)


def test_a_path_may_be_there_yet_to_be_made_or_behind_a_link_that_stays_inside(tree):
    spec = f"path({tree})"
    assert accepted(spec, f"{tree}/file") == f"{tree}/file"
    assert accepted(spec, f"{tree}/new file") == f"{tree}/new file"
    assert accepted(spec, f"{tree}/in/new") == f"{tree}/sub/new"
    for refused in (
        f"{tree}",
        f"{tree}/",
        f"{tree}/out/secret",
        f"{tree}/dangling",
        f"{tree}/none/new",
        "/",
        f"{tree}base",
    ):
        assert accepted(spec, refused) is None, refused


def test_a_root_may_be_a_link_itself(tree):
    (behind := tree.parent / "link").symlink_to(tree)
    assert accepted(f"path({behind})", f"{behind}/file") == f"{tree}/file"
    behind.unlink()


def test_a_root_that_is_not_there_takes_nothing(tmp_path):
    with pytest.raises(ValueError, match="cannot be looked at on this host"):
        value_of(f"path({tmp_path}/none)").accept(f"{tmp_path}/none/file")
