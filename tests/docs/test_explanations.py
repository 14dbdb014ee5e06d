"""Where the docs name tests, messages or decisions, those are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from airflow_plugin.queue import waiting
from tests.docs.documents import DOCS, ROOT

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ADRS = sorted((DOCS / "adr").glob("0*.md"))


def test_every_test_that_a_page_names_exists():
    named = {each for path in DOCS.rglob("*.md") for each in NAMED.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 30
    missing = [f"{path}::{name}" for path, name in sorted(named) if name not in _functions(ROOT / path)]
    assert missing == []


@pytest.mark.parametrize("name", ["failure-semantics", "threat-model", "commands-compared", "what-leaves-the-site"])
def test_every_line_of_a_table_of_claims_names_a_test(name):
    page = (DOCS / "explanation" / f"{name}.md").read_text(encoding="utf-8")
    tables = [table.splitlines() for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)]
    assert {table[0].split("|")[-2].strip() for table in tables} == {"test"}
    rows = [row for table in tables for row in table[2:]]
    assert len(rows) > 20
    assert [row for row in rows if not NAMED.search(row.split("|")[-2])] == []


def test_every_promise_names_what_keeps_it_and_tests():
    page = (DOCS / "explanation" / "promises.md").read_text(encoding="utf-8")
    promises = page.split("\n## ")[1:]
    assert len(promises) == 11
    assert [promise for promise in promises if "\nKept by " not in promise or len(NAMED.findall(promise)) < 2] == []


def test_the_reasons_to_wait_in_the_docs_are_those_a_job_gives():
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    table = page.partition("| it says | do |")[2].partition("\n\n")[0]
    said = [line.split("|")[1].strip() for line in table.splitlines()[2:]]
    code = Path(waiting.__file__).read_text(encoding="utf-8")
    pieces = [piece.strip(" ,'") for each in said for piece in re.split(r"…|, | or ", each)]
    assert len(said) > 5
    assert [piece for piece in pieces if piece not in code] == []


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.name[:4])
def test_a_decision_says_why_what_follows_and_what_would_violate_it(path):
    text = path.read_text(encoding="utf-8")
    assert re.match(rf"# {path.name[:4]}: \S", text)
    assert "\nStatus: " in text
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "A change violates this when"]


def test_every_decision_is_listed_by_its_title():
    listed = (DOCS / "adr" / "README.md").read_text(encoding="utf-8")
    rows = [f"| [{path.name[:4]}]({path.name}) | {_title(path)} |" for path in ADRS]
    assert [row for row in rows if row not in listed] == []


def test_the_glossary_is_in_order():
    words = re.findall(r"^\*\*(.+)\*\*$", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(words) > 20
    assert words == sorted(words)


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].partition(": ")[2]
