"""Reference of the policy file, from the classes that read it."""

from __future__ import annotations

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from edge_agent.policy import values
from edge_agent.policy.document import Commands, Document, Limits, LintTable, Listed, Tasks
from tests.gen import docstrings, markdown

TYPES = (values.Date, values.Integer, values.OneOf, values.Word, values.PathBelow)


def policy() -> str:
    """Return the page."""
    return markdown.page(
        "edge_agent/policy",
        "The policy of a host",
        "What may stand in `/etc/edge-agent/policy.toml`, or where `policy_file` says. An unknown key is an error. "
        "What it is for: [how to say what may run on a host](../how-to/policy.md).",
        "## At the top",
        _keys(Document),
        "## `[tasks]`",
        _keys(Tasks),
        "## `[commands]`",
        _keys(Commands),
        "## `[[command]]`",
        "One command that may run. What it does not say, `[commands]` says.",
        _keys(Listed),
        "## Types of values",
        markdown.table(("type", "takes"), [_type(each) for each in TYPES]),
        "## `limits`",
        "A table below `[tasks]`, `[commands]` and `[[command]]`.",
        _keys(Limits),
        "## `[lint]`",
        "Advice against obvious slips in commands that are not listed. No security boundary.",
        _keys(LintTable),
    )


def _keys(table: type[BaseModel]) -> str:
    rows = [
        (markdown.code(name), _default(field), field.description)
        for name, field in table.model_fields.items()
        if field.description
    ]
    return markdown.table(("key", "default", "meaning"), rows)


def _type(kind: type[values.Value]) -> tuple[str, str]:
    written, _, takes = docstrings.to_markdown(kind.__doc__ or "").replace("\n", " ").partition(": ")
    return written, takes


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if not field.default or isinstance(field.default, BaseModel):
        return "none" if field.default is not False else markdown.code("false")
    if isinstance(field.default, tuple):
        return ", ".join(markdown.code(each) for each in field.default)
    return markdown.code(field.default)
