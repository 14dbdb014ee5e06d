"""The Markdown of this repository as tests see it: files, fenced blocks, links, headings."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_PICTURE = re.compile(r'<(?:img|source)\b[^>]*\bsrc(?:set)?="([^"]+)"')
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, in which language, and what it says."""

    path: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def documents() -> list[Path]:
    """Return every Markdown file that is for readers of this repository."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "helm").rglob("*.md")])


def blocks(*languages: str) -> list[Block]:
    """Return the fenced blocks in these languages; in all when none is named."""
    found = (block for path in documents() for block in _blocks_of(path))
    return [block for block in found if not languages or block.language in languages]


def links(path: Path) -> list[str]:
    """Return where a file links to, and its pictures, examples in fenced blocks left out."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    return _LINK.findall(text) + _PICTURE.findall(text)


def anchors(path: Path) -> set[str]:
    """Return the anchors that a page gives its headings, as GitHub does."""
    headings = _HEADING.findall(_FENCE.sub("", path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _blocks_of(path: Path) -> Iterator[Block]:
    text = path.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text[: found.start()].count("\n") + 1
        yield Block(path, line, found["language"], textwrap.dedent(found["text"]))
