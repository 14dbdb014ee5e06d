"""What is generated says so, is fresh, and would be noticed if it were not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gen import markdown, pages

PAGES = {"docs/one.md": lambda: f"{markdown.notice('here')}\nfresh\n"}

pytestmark = pytest.mark.airflow


def test_everything_generated_is_fresh():
    assert pages.stale() == [], "run `make gen`"


@pytest.mark.parametrize("path", pages.PAGES)
def test_every_generated_file_says_so_at_its_top(path):
    assert markdown.MARK in "".join((pages.ROOT / path).read_text(encoding="utf-8").splitlines(keepends=True)[:3])


def test_a_stale_file_is_shown_as_a_diff(tmp_path: Path):
    assert pages.write(tmp_path, PAGES) == ["docs/one.md"]
    assert pages.stale(tmp_path, PAGES) == []
    assert pages.write(tmp_path, PAGES) == []
    (tmp_path / "docs/one.md").write_text(f"{markdown.notice('here')}\nold\n")
    (diff,) = pages.stale(tmp_path, PAGES)
    assert "-old\n+fresh\n" in diff


def test_a_missing_file_is_stale(tmp_path: Path):
    assert len(pages.stale(tmp_path, PAGES)) == 1


def test_a_file_that_nobody_generates_any_more_is_stale(tmp_path: Path):
    pages.write(tmp_path, PAGES)
    (found,) = pages.stale(tmp_path, {})
    assert found.startswith("docs/one.md: says that it is generated")
