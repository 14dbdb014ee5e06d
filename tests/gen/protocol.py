"""Reference of the wire: verbs, messages and problems, from the protocol package and the app itself."""

from __future__ import annotations

import inspect
import json
import types
import typing
from datetime import datetime
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from airflow_plugin.api.app import create_app
from airflow_plugin.config import QueueConfig
from edge_agent import protocol
from edge_agent.protocol import Answer, ProblemReason, Request, commands
from edge_agent.protocol.routes import MOUNT
from tests.gen import docstrings, markdown

_COMMANDS = commands.__name__
_METHODS = ("get", "post", "put", "patch", "delete")


def openapi() -> str:
    """Return the OpenAPI description of the queue API, with the defaults of its options."""
    marked = {"x-generated": f"{markdown.MARK} from airflow_plugin/api", **described()}
    return json.dumps(marked, indent=2) + "\n"


def described() -> dict[str, Any]:
    """Return the same as data."""
    return create_app(QueueConfig()).openapi()


def queue_api() -> str:
    """Return the page about the routes."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for path, methods in described()["paths"].items():
        for method in _METHODS:
            if method in methods:
                route = methods[method]
                row = (f"`{method.upper()} {path}`", docstrings.to_markdown(route["description"]))
                groups.setdefault(route["tags"][0], []).append(row)
    return markdown.page(
        "airflow_plugin/api",
        "Queue API",
        f"""
It is part of Airflow's API server, below `{MOUNT}`. The same in OpenAPI: [openapi.json](openapi.json);
the messages: [protocol](protocol.md). Agents authenticate with their token or session token, `/commands`
takes a submit token; `/ui` takes Airflow's own login: who may see Airflow's jobs may read, who may edit its
pools may steer agents and jobs, who may edit its connections may see and make tokens. Each write leaves a row
in the audit log.""",
        *(f"## {tag}\n\n" + markdown.table(("route", "does"), rows) for tag, rows in groups.items()),
    )


def messages() -> str:
    """Return the page about the messages and problems."""
    reasons = [(f"`{name}`", text) for name, text in docstrings.of_members(ProblemReason).items()]
    kinds = [each for name in protocol.__all__ if _is_message(each := getattr(protocol, name))]
    of_commands = [each for each in vars(commands).values() if _is_message(each) and each.__module__ == _COMMANDS]
    return markdown.page(
        "edge_agent/protocol",
        "Protocol",
        docstrings.of(protocol),
        f"""
A version header, `{protocol.VERSION_HEADER}: {protocol.PROTOCOL_VERSION}`, travels both ways. A request with
an unknown field is refused; an answer with one is read without it, so that old agents meet new servers.""",
        "## Messages",
        *(_message(kind) for kind in kinds),
        "## Messages about commands",
        docstrings.of(commands),
        *(_message(kind) for kind in of_commands),
        "## Reasons of problems",
        markdown.table(("reason", "meaning"), reasons),
    )


def _is_message(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, BaseModel) and thing not in (Request, Answer)


def _message(kind: type[BaseModel]) -> str:
    side = "a request" if issubclass(kind, Request) else "an answer"
    return f"### {kind.__name__}\n\nPart of {side}. {docstrings.of(kind)}\n\n" + message_table(kind)


def message_table(kind: type[BaseModel]) -> str:
    """Return the table of a model's fields."""
    rows = [
        (markdown.code(name), type_name(field.annotation), _default(field), field.description or "")
        for name, field in kind.model_fields.items()
    ]
    return markdown.table(("field", "type", "default", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    return markdown.code(json.dumps(field.default))


def type_name(annotation: Any) -> str:
    """Return what JSON holds for an annotation, in words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_name(each) for each in arguments)
    if origin in (tuple, dict):
        kind, inner = ("list", arguments[0]) if origin is tuple else ("object", arguments[1])
        return f"{kind} of {type_name(inner)}"
    return _NAMES.get(annotation) or str(annotation.__name__)


_NAMES: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "boolean",
    Any: "anything",
    type(None): "null",
    datetime: "time",
}
