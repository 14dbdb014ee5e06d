"""What no linter knows: how long things may be, where one may sleep, and that exceptions have reasons."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("airflow_edge_agent", "airflow_plugin", "edge_agent")
SCRIPTS = ("docs", "requirements", "tests")
MODULE_LINES = 300
FUNCTION_LINES = 50

WAITS = {"tests/support/waiting.py"}
"""The only place in the tests that may sleep; the tasks of a Dag may too."""

OUTER_EDGES = {
    "airflow_plugin/after_commit.py _committed": "what is told of a transaction never fails whoever committed it",
    "airflow_plugin/api/duties.py _forever": "a duty of the API server goes on at its next turn",
    "airflow_plugin/executor.py _attempt": "the scheduler's loop goes on; the next attempt finds the same",
    "airflow_plugin/executor.py queue_workload": "one bad row must not stop the scheduler's critical section",
    "airflow_plugin/log_upload.py _take": "a store that refuses one log must not keep the others waiting",
    "edge_agent/cli.py _run": "whatever ends the agent stands in its log",
    "edge_agent/holdings.py _see_to": "one assignment must not take the others with it",
    "edge_agent/probes.py _page": "a page that cannot be made must not take the agent with it",
    "edge_agent/task_host/__main__.py main": "whatever Airflow's import raises is what the agent must hear",
    "edge_agent/task_host/late_logs.py _take": "a log that the store refuses must not keep back the others",
    "edge_agent/task_host/log_store.py look": "a log that is not known to be in the store is looked for again",
    "edge_agent/task_host/child.py _run": "whatever Airflow's supervisor raises is how the attempt ended",
}
"""The functions that may catch whatever comes, once each, and why."""


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" not in path.parts:
                yield path


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def long_functions(path: Path) -> list[str]:
    """Return the functions that are too long. A function inside counts for itself, a docstring not at all."""
    return [
        f"{name_of(path)}:{function.lineno} {function.name} has {lines} lines"
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if (lines := _lines(function)) > FUNCTION_LINES
    ]


def sleeps(path: Path) -> list[str]:
    """Return the calls that let time pass; ``asyncio.sleep(0)`` only lets others have their turn."""
    calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    return [
        f"{name_of(path)}:{call.lineno}"
        for call in calls
        if ast.unparse(call.func).rpartition(".")[2] == "sleep" and ast.unparse(call) != "asyncio.sleep(0)"
    ]


def broad_catches(path: Path) -> list[str]:
    """Return the functions that take any exception and keep it, once for each time they do."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for owner in [tree, *functions(tree)]:
        inner = {node for each in functions(owner) if each is not owner for node in ast.walk(each)}
        own = [node for node in ast.walk(owner) if node not in inner]
        count = sum(isinstance(node, ast.ExceptHandler) and _keeps_anything(node) for node in own)
        found += [f"{name_of(path)} {getattr(owner, 'name', '(module)')}"] * count
    return found


def unreasoned(path: Path) -> list[str]:
    """Return the lines that silence a tool without a code or without saying why."""
    silencing = re.compile(r"#\s*(noqa|type:\s*ignore)\b(?P<rest>.*)")
    reasoned = re.compile(r"^(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[a-z, -]+\])\W+\w")
    with path.open("rb") as file:
        comments = [token for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
    return [
        f"{name_of(path)}:{comment.start[0]} {comment.string}"
        for comment in comments
        if (silenced := silencing.search(comment.string)) and not reasoned.match(silenced["rest"])
    ]


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function that are its own."""
    own = {*range(function.lineno, (function.end_lineno or 0) + 1)}
    if ast.get_docstring(function):
        own -= {*range(function.body[0].lineno, (function.body[0].end_lineno or 0) + 1)}
    for inner in (node for statement in function.body for node in functions(statement)):
        own -= {*range(inner.lineno, (inner.end_lineno or 0) + 1)}
    return len(own)


def _keeps_anything(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(kind is None or ast.unparse(kind) in ("Exception", "BaseException") for kind in kinds)
    return broad and not any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def test_no_module_is_too_long():
    lengths = {name_of(path): len(path.read_bytes().splitlines()) for path in files(*PACKAGES, *SCRIPTS)}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_function_is_too_long():
    """A migration may be: it lists columns, and is never touched again."""
    paths = (path for path in files(*PACKAGES, *SCRIPTS) if "migrations" not in path.parts)
    assert [each for path in paths for each in long_functions(path)] == []


def test_tests_wait_for_conditions_and_not_for_time():
    """Use ``wait_until`` of ``tests/support/waiting.py``."""
    asleep = [
        each
        for path in files("tests")
        if name_of(path) not in WAITS and "dags" not in path.parts
        for each in sleeps(path)
    ]
    assert asleep == []


def test_whatever_comes_is_only_caught_at_the_named_outer_edges():
    """Catch what you expect; or name the function in ``OUTER_EDGES``, with the reason."""
    caught = [each for path in files(*PACKAGES) for each in broad_catches(path)]
    assert sorted(caught) == sorted(OUTER_EDGES)


def test_whoever_silences_a_tool_says_which_rule_and_why():
    """Write ``# noqa: CODE  why`` or ``# type: ignore[code]  # why``."""
    assert [each for path in files(*PACKAGES, *SCRIPTS) for each in unreasoned(path)] == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (long_functions, "def f():\n" + "    pass\n" * 50),
        (sleeps, "time.sleep(1)"),
        (sleeps, "async def f():\n    await asyncio.sleep(0.1)"),
        (sleeps, "sleep(1)"),
        (broad_catches, "try:\n    f()\nexcept Exception:\n    log()"),
        (broad_catches, "try:\n    f()\nexcept:\n    log()"),
        (broad_catches, "try:\n    f()\nexcept (OSError, BaseException):\n    log()"),
        (unreasoned, "f()  # " + "noqa: S101"),
        (unreasoned, "f()  # " + "noqa"),
        (unreasoned, "f()  # " + "type: ignore"),
        (unreasoned, "f()  # " + "type: ignore[arg-type]"),
    ],
)
def test_a_rule_sees_what_it_forbids(rule, text, tmp_path):
    (file := tmp_path / "planted.py").write_text(text, encoding="utf-8")
    assert len(rule(file)) == 1


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (long_functions, 'def f():\n    """\n' + "    word\n" * 60 + '    """\n' + "    pass\n" * 40),
        (long_functions, "def f():\n    def g():\n" + "        pass\n" * 40 + "    pass\n" * 40),
        (sleeps, "async def f():\n    await asyncio.sleep(0)"),
        (broad_catches, "try:\n    f()\nexcept Exception:\n    tidy()\n    raise"),
        (broad_catches, "try:\n    f()\nexcept OSError:\n    log()"),
        (unreasoned, "f()  # " + "noqa: S101, S102  the row has one"),
        (unreasoned, "f()  # " + "type: ignore[arg-type]  # made by its own type"),
    ],
)
def test_a_rule_lets_pass_what_is_right(rule, text, tmp_path):
    (file := tmp_path / "planted.py").write_text(text, encoding="utf-8")
    assert rule(file) == []
