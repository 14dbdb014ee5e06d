"""Nothing in the docs leads nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.documents import DOCS, ROOT, anchors, documents, links

NAMES = {path.relative_to(ROOT).as_posix(): path for path in documents()}


def broken(path: Path) -> list[str]:
    """Return the relative links of a file whose file or heading is not there."""
    found = []
    for link in links(path):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.is_relative_to(ROOT) or not target.exists():
            found.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(target):
            found.append(f"{link}: no such heading; there are {sorted(anchors(target))}")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_leads_to_a_file_and_a_heading(name):
    assert broken(NAMES[name]) == []


def test_every_page_can_be_reached_from_the_index():
    seen, new = set(), {DOCS / "index.md"}
    while new:
        seen |= new
        near = {(page.parent / link.partition("#")[0]).resolve() for page in new for link in links(page)}
        new = {page for page in near if page.suffix == ".md" and page.is_relative_to(DOCS)} - seen
    assert sorted(set(DOCS.rglob("*.md")) - seen) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = "# A b\n[1](gone.md) [2](#a-b) [3](#c) [4](https://x.y)\n"
    (page := tmp_path / "page.md").write_text(text + '<picture><source media="x" srcset="d.png"><img src="l.png">')
    monkeypatch.setattr("tests.docs.test_links.ROOT", tmp_path)
    assert [each.partition(":")[0] for each in broken(page)] == ["gone.md", "#c", "d.png", "l.png"]
