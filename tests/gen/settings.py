"""Reference of the agent's settings, from the class that reads them."""

from __future__ import annotations

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from edge_agent import attempt_dir, capabilities, state_dir
from edge_agent.settings import CONFIG_VARIABLE, ENV_PREFIX, AgentSettings
from edge_agent.task_host import environment
from tests.gen import docstrings, markdown


def agent_settings() -> str:
    """Return the page."""
    fields = AgentSettings.model_fields.items()
    rows = [
        (markdown.code(ENV_PREFIX + name.upper()), markdown.code(name), _default(field), field.description)
        for name, field in fields
    ]
    return markdown.page(
        "edge_agent/settings.py",
        "Settings of the agent",
        f"""
Each is an environment variable, or a key of the TOML file that `--config` or `{CONFIG_VARIABLE}` names.
The environment wins. A wrong or missing setting ends the agent at start, with the name of the variable.
In TOML, lists are lists and `capabilities` is a table.""",
        markdown.table(("variable", "key", "default", "meaning"), rows),
        """
Everything else an agent needs to know, such as how often to send a heartbeat, it is told by the server:
[server options](server-options.md).""",
        "## Capabilities",
        "What a host advertises without being configured:",
        markdown.table(*_split(docstrings.table_of(capabilities.detect_capabilities.__doc__ or ""))),
        "How tasks ask for them: [capabilities and requirements](../how-to/capabilities.md).",
    )


def host_files() -> str:
    """Return the page about what lies on a host's disk and in its tasks' environment."""
    return markdown.page(
        "edge_agent/state_dir.py, edge_agent/attempt_dir.py and edge_agent/task_host/environment.py",
        "What is on a host",
        "## State directory",
        docstrings.of(state_dir),
        "## Attempt directory",
        docstrings.of(attempt_dir),
        "## Environment of tasks",
        docstrings.of(environment),
    )


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "see meaning"
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None or field.default == {}:
        return "none"
    value = str(field.default).lower() if isinstance(field.default, bool) else f"{field.default}"
    return markdown.code(value.removesuffix(".0"))


def _split(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    return rows[0], [[markdown.code(row[0]), markdown.code(row[1]), row[2]] for row in rows[1:]]
