"""Whatever agent or server says when they refuse can be looked up in the troubleshooting page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent import check, cli, diagnosis
from edge_agent.protocol import EndReason, ProblemReason
from tests.docs.documents import DOCS, ROOT

PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
WARNINGS = {"warning", "error", "exception", "critical", "_warn", "_stop"}
SHORTEST = 12
"""Letters of a piece of a sentence that is worth looking for."""


def section(heading: str) -> str:
    """Return what stands under a heading, up to the next."""
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> set[str]:
    """Return what stands as code in the first columns of tables."""
    return {word for row in re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE) for word in re.findall(r"`(.+?)`", row)}


@pytest.mark.parametrize("reason", ProblemReason)
def test_every_reason_of_a_refusal_is_there(reason):
    assert f"| `{reason}` |" in section("What the queue API refuses")


@pytest.mark.parametrize("reason", EndReason)
def test_every_reason_of_an_end_is_there(reason):
    assert reason in first_cells(section("How a job ended"))


def test_every_exit_code_is_there():
    codes = {cli.MISUSED, cli.REFUSED, cli.HELD, cli.SUPERSEDED, cli.FOREIGN, cli.FAILED}
    assert set(re.findall(r"^\| (\d) \|", section("The agent ends at once"), re.MULTILINE)) == {*map(str, codes)}


def test_every_subject_of_check_is_there():
    """And no other."""
    assert first_cells(section("What `edge-agent check` finds")) == {subject for _, subject in findings()}


def test_every_sentence_of_check_is_there():
    """Those that ``check`` makes itself; others it takes from where the next tests look."""
    text = section("What `edge-agent check` finds")
    said = set(pieces(check.__file__))
    assert len(said) > 8
    assert sorted(piece for piece in said if piece not in text) == []


def test_every_sentence_about_a_connection_is_there():
    text = section("The agent does not reach Airflow")
    said = set(pieces(diagnosis.__file__))
    assert len(said) > 15
    assert sorted(piece for piece in said if piece not in text) == []


def test_every_warning_of_the_agent_is_there():
    found = {event for path in (ROOT / "edge_agent").rglob("*.py") for event in events(path)}
    assert len(found) > 30
    assert sorted(found - first_cells(section("What the agent's log says"))) == []


def test_no_warning_is_there_that_no_agent_gives():
    found = {event for path in (ROOT / "edge_agent").rglob("*.py") for event in events(path)}
    assert sorted(first_cells(section("What the agent's log says")) - found) == []


def test_what_airflow_says_when_it_does_not_start_is_what_the_code_says():
    rows = re.findall(r"^\| (.+?) \|", section("Airflow does not start"), re.MULTILINE)[2:]
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "airflow_plugin").glob("*.py"))
    quoted = [piece.strip() for row in rows for piece in re.split(r"…|`|\[edge_agent\]", row)]
    assert len(rows) > 2
    assert [piece for piece in quoted if piece not in code] == []


def test_each_symptom_at_the_top_leads_to_its_section():
    """Every section is somebody's symptom, or is led to from one that is."""
    links = set(re.findall(r"\(#([\w-]+)\)", PAGE))
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert slugs - links <= {"a-task-fails-at-once-the-dag-is-not-there-or-does-not-load"}


def findings() -> set[tuple[str, str]]:
    """Return level and subject of everything that ``check`` can find."""
    tree = ast.parse(Path(check.__file__).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding"]
    return {(ast.unparse(call.args[0]), ast.literal_eval(call.args[1])) for call in calls}


def pieces(file: str) -> Iterator[str]:
    """Yield what sentences of the form "what is wrong; what to do" say is wrong, without what changes in them."""
    for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        sentence = _text(node)
        if sentence.count("; ") == 1 and not re.search(r"\.$|\n", sentence):
            for piece in re.split(r"\0|[(),:]", sentence.partition("; ")[0]):
                if len(piece.strip()) >= SHORTEST:
                    yield piece.strip()


def _text(node: ast.AST) -> str:
    """Return a text of the code with NUL for each value in it; nothing for all else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "\0" for part in node.values)
    return ""


def events(path: Path) -> Iterator[str]:
    """Yield the events with which a module warns."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WARNINGS:
            if node.func.attr.startswith("_"):
                yield ast.literal_eval(node.args[1])
            named = re.search(r"'event': '(\w+)'", ast.unparse(node))
            if named:
                yield named[1]
