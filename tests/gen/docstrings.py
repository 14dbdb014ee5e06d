"""What the code says of itself: the docstrings that Python keeps, those of enum members, and their form."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from enum import Enum

from tests.gen import markdown

_ROLE = re.compile(r":\w+:`~?\.?([^`]+)`")
_RULE = re.compile(r"^=+( +=+)+$")


def of_members(kind: type[Enum]) -> dict[str, str]:
    """Return the docstring below each member of an enum, as Markdown, by the member's value.

    :raises LookupError: when a member has none.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found: dict[str, str] = {}
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if not isinstance(statement, ast.Assign) or not isinstance(name := statement.targets[0], ast.Name):
            continue
        text = following.value if isinstance(following, ast.Expr) else None
        if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
            msg = f"{kind.__name__}.{name.id} has no docstring"
            raise LookupError(msg)  # noqa: TRY004  the enum is at fault, not an argument
        found[kind[name.id].value] = to_markdown(text.value)
    return found


def of(thing: object, *, from_paragraph: int = 0) -> str:
    """Return a docstring as Markdown, without its first paragraphs if asked.

    :raises LookupError: when there is none.
    """
    text = inspect.getdoc(thing)
    if not text:
        msg = f"{thing!r} has no docstring"
        raise LookupError(msg)
    return "\n\n".join(to_markdown(text).split("\n\n")[from_paragraph:])


def to_markdown(text: str) -> str:
    """Turn the few things our docstrings use (roles, literals, simple tables) into Markdown."""
    return "\n".join(_tables(inspect.cleandoc(text).splitlines()))


def table_of(text: str) -> list[list[str]]:
    """Return the cells of the first simple table of a docstring, its head first."""
    lines = inspect.cleandoc(text).splitlines()
    head, rows, _ = _table(lines[next(at for at, line in enumerate(lines) if _RULE.match(line)) :])
    return [head, *rows]


def _tables(lines: list[str]) -> Iterator[str]:
    text: list[str] = []
    while lines:
        if _RULE.match(lines[0]):
            yield _inline("\n".join(text))
            head, rows, lines = _table(lines)
            yield markdown.table(head, rows)
            text = []
        else:
            text.append(lines[0])
            lines = lines[1:]
    yield _inline("\n".join(text))


def _table(lines: list[str]) -> tuple[list[str], list[list[str]], list[str]]:
    """Cut off the table that lines begin with; return its head, its rows, and the lines behind it."""
    spans = [found.span() for found in re.finditer("=+", lines[0])]
    end = next(at for at, line in enumerate(lines) if at and not line.strip()) if "" in lines else len(lines)
    inner = lines[1 : end - 1]
    rule = next((at for at, line in enumerate(inner) if _RULE.match(line)), None)
    if rule is None:  # One without a head.
        return [""] * len(spans), _rows(inner, spans), lines[end:]
    return _rows(inner[:rule], spans)[0], _rows(inner[rule + 1 :], spans), lines[end:]


def _rows(lines: list[str], spans: list[tuple[int, int]]) -> list[list[str]]:
    """Cut lines into cells; a line that begins with spaces continues the one before."""
    rows: list[list[str]] = []
    for line in lines:
        ends = [begin for begin, _ in spans[1:]] + [None]
        cells = [line[begin:end].strip() for (begin, _), end in zip(spans, ends, strict=True)]
        if line.startswith(" "):
            rows[-1] = [" ".join(filter(None, pair)) for pair in zip(rows[-1], cells, strict=True)]
        else:
            rows.append(cells)
    return [[_inline(cell) for cell in row] for row in rows]


def _inline(text: str) -> str:
    return _ROLE.sub(lambda found: f"`{found[1].rpartition('.')[2]}`", text).replace("``", "`")
