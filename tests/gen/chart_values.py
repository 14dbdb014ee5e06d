"""Reading ``helm/edge-agent/values.yaml``: each value with its default and what the comment above it says.

A comment is whole sentences. A line in it that begins with ``@`` says what the default cannot:

========================  ===============================================================================
``@schema {...}``         parts of a JSON schema
``@kubernetes Affinity``  passed on to Kubernetes, which knows what may be in it; ``[]Toleration`` for lists
``@workers``              a list of groups: each may have whatever ``workerDefaults`` has, and has a name
========================  ===============================================================================
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "helm" / "edge-agent"
VALUES = CHART / "values.yaml"

_KEY = re.compile(r"^( *)([A-Za-z]\w*):")


@dataclass(frozen=True)
class Value:
    """One key of the values. ``parts``: the keys below it that have comments of their own."""

    path: tuple[str, ...]
    default: Any
    text: str
    schema: dict[str, Any]
    kubernetes: str | None
    has_workers: bool
    parts: list[Value] = field(default_factory=list)

    @property
    def name(self) -> str:
        """How it is called where it stands."""
        return self.path[-1]

    def told(self) -> Iterator[Value]:
        """Go through this value and all below it that have something to say."""
        if self.text or not self.parts:
            yield self
        for part in self.parts:
            yield from part.told()


def read(file: Path = VALUES) -> list[Value]:
    """Return the values of the chart, in their order."""
    text = file.read_text(encoding="utf-8")
    return _values(yaml.safe_load(text), _comments(text), ())


def _values(tree: dict[str, Any], comments: dict[tuple[str, ...], list[str]], above: tuple[str, ...]) -> list[Value]:
    return [_value((*above, key), default, comments) for key, default in tree.items()]


def _value(path: tuple[str, ...], default: Any, comments: dict[tuple[str, ...], list[str]]) -> Value:
    lines = comments.get(path, [])
    said = dict(([*line[1:].split(maxsplit=1), ""])[:2] for line in lines if line.startswith("@"))
    parts = []
    if isinstance(default, dict) and default and "kubernetes" not in said:
        parts = _values(default, comments, path)
    return Value(
        path=path,
        default=default,
        text=" ".join(line for line in lines if not line.startswith("@")),
        schema=json.loads(said.get("schema", "{}")),
        kubernetes=said.get("kubernetes"),
        has_workers="workers" in said,
        parts=parts,
    )


def _comments(text: str) -> dict[tuple[str, ...], list[str]]:
    """Return what stands right above each key, by path."""
    found: dict[tuple[str, ...], list[str]] = {}
    above: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip()[1:].strip())
            continue
        if key := _KEY.match(line):
            above = [*(each for each in above if each[0] < len(key[1])), (len(key[1]), key[2])]
            found[tuple(name for _, name in above)] = comment
        comment = []
    return found
