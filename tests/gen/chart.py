"""The chart: README and schema out of its values, the names of settings that it may set, and how cases are rendered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from edge_agent.settings import AgentSettings
from tests.chart import rendering
from tests.gen import markdown
from tests.gen.chart_values import CHART, Value, read

_SOURCE = "helm/edge-agent/values.yaml"
_TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
_WORKER_NAME = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"}
_ENV_VAR = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "value": {"type": "string"}, "valueFrom": {"type": "object"}},
    "additionalProperties": False,
}
"""The one type of Kubernetes' whose every key the chart judges."""

_LEDE = """\
Runs groups of agents in a Kubernetes cluster, for an Airflow they dial out to. How to:
[run agents on Kubernetes]({how_to}).

```sh
helm install edge-agent helm/edge-agent --namespace edge --create-namespace \\
  --values my-values.yaml
```

with at least this in `my-values.yaml`:
"""


def readme() -> str:
    """Return the README of the chart."""
    return _page("Chart edge-agent", "../../docs/how-to/kubernetes.md")


def reference() -> str:
    """Return the same as a page of the docs."""
    return _page("Values of the chart", "../how-to/kubernetes.md")


def _page(title: str, how_to: str) -> str:
    values = read()
    least = (CHART / "ci" / "minimal-values.yaml").read_text(encoding="utf-8").partition("\n")[2]
    defaults = next(value for value in values if value.name == "workerDefaults")
    return markdown.page(
        f"{_SOURCE} and tests/gen/chart.py",
        title,
        f"{_LEDE.format(how_to=how_to)}\n```yaml\n{least}```",
        "The image has the tag of the agent's release unless `image.tag` names another, such as `tasks`. A value "
        "that is misspelt is refused by its name, and one that cannot work with what to set instead.",
        "## Values",
        _table(each for value in values if value is not defaults for each in value.told()),
        "## Values of a group",
        f"{defaults.text} They stand under `workerDefaults` for all groups, and in an entry of `workers` for one.",
        _table((each for part in defaults.parts for each in part.told()), below=len(defaults.path)),
    )


def schema() -> str:
    """Return the schema of the values."""
    values = read()
    defaults = next(value for value in values if value.name == "workerDefaults")
    worker = _schema_of(defaults, None)
    worker = worker | {
        "required": ["name"],
        "properties": {"name": _WORKER_NAME} | worker["properties"],
    }
    properties = {value.name: _schema_of(value, worker) for value in values}
    whole = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": f"{markdown.MARK} from {_SOURCE}: change that instead.",
        "type": "object",
        # Helm itself puts `global` there when this chart is part of another.
        "properties": properties | {"global": {"type": "object"}},
        "additionalProperties": False,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def settings() -> str:
    """Return the names of the agent's settings, which the chart knows no other way."""
    head = f"# {markdown.MARK} from edge_agent/settings.py: change that instead."
    return "\n".join([head, *AgentSettings.model_fields]) + "\n"


def golden() -> dict[str, Callable[[], str]]:
    """Return what makes the rendered case of each values file in ``ci/``, by path."""
    return {f"tests/chart/golden/{case}.yaml": partial(_rendered, case) for case in rendering.cases()}


def _rendered(case: str) -> str:
    source = f"helm/edge-agent/ci/{case}-values.yaml"
    return f"# {markdown.MARK} from the chart and {source}: change these instead.\n{rendering.case(case)}"


def _table(values: Iterable[Value], below: int = 0) -> str:
    rows = [(markdown.code(".".join(value.path[below:])), _default(value), value.text) for value in values]
    return markdown.table(("value", "default", "meaning"), rows)


def _default(value: Value) -> str:
    if value.parts:
        return ""
    if value.default in ("", [], {}, None):
        return "none"
    return markdown.code(json.dumps(value.default) if not isinstance(value.default, str) else value.default)


def _schema_of(value: Value, worker: dict[str, Any] | None) -> dict[str, Any]:
    said = {"description": value.text} if value.text else {}
    if value.has_workers:
        return said | {"type": "array", "items": worker}
    if value.kubernetes:
        return said | _passed_on(value.kubernetes)
    if value.parts:
        properties = {part.name: _schema_of(part, worker) for part in value.parts}
        return said | {"type": "object", "properties": properties, "additionalProperties": False}
    kind = {} if "type" in value.schema or "enum" in value.schema else {"type": _TYPES[type(value.default)]}
    return said | kind | value.schema


def _passed_on(kubernetes: str) -> dict[str, Any]:
    if not kubernetes.startswith("[]"):
        return {"type": ["object", "null"]}
    return {"type": ["array", "null"], "items": _ENV_VAR if kubernetes == "[]EnvVar" else {"type": "object"}}
