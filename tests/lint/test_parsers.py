"""Nothing parses what others wrote without having been tried with anything."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.lint.parsers import NEEDS_NONE, TESTED, parses
from tests.lint.test_house_rules import PACKAGES, ROOT, files, functions, name_of


def parsers(path: Path) -> set[str]:
    """Return the functions of a module that parse. What stands in none is a constant's."""
    found = set()
    for owner in functions(ast.parse(path.read_text(encoding="utf-8"))):
        inner = {node for each in functions(owner) if each is not owner for node in ast.walk(each)}
        own = (node for node in ast.walk(owner) if node not in inner and isinstance(node, ast.Call))
        if any(map(parses, own)):
            found.add(f"{name_of(path)} {owner.name}")
    return found


def test_every_parser_is_in_one_of_the_tables():
    """Others decide what it reads: write a test with ``@given``, and name it. Or say why that is not needed."""
    found = {each for path in files(*PACKAGES) for each in parsers(path)}
    assert sorted(found) == sorted([*TESTED, *NEEDS_NONE])


@pytest.mark.parametrize("test", sorted(set(TESTED.values())))
def test_a_test_that_is_named_is_one_in_which_hypothesis_makes_the_bytes(test):
    file, name = test.split()
    tests = {each.name: each for each in functions(ast.parse((ROOT / file).read_text(encoding="utf-8")))}
    assert any(ast.unparse(mark).startswith("given(") for mark in tests[name].decorator_list)


@pytest.mark.parametrize("call", ["json.loads(x)", "Offer.model_validate_json(x)", "x.decode()", "int(x)", "UUID(x)"])
def test_a_parser_is_seen(tmp_path, call):
    (module := tmp_path / "module.py").write_text(
        f"def read(x):\n    return {call}\n\ndef not_read(x):\n    return 1\n"
    )
    assert parsers(module) == {"module.py read"}
