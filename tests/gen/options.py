"""Reference of the server's options, from the provider info that Airflow reads."""

from __future__ import annotations

from airflow_plugin.config import SECTION
from airflow_plugin.provider_info import get_provider_info
from tests.gen import docstrings, markdown


def server_options() -> str:
    """Return the page."""
    section = get_provider_info()["config"][SECTION]
    rows = [
        (
            markdown.code(name),
            markdown.code(option["default"].removesuffix(".0")) if option["default"] else "empty",
            docstrings.to_markdown(option["description"]),
        )
        for name, option in section["options"].items()
    ]
    return markdown.page(
        "airflow_plugin/provider_info.py and airflow_plugin/config.py",
        "Options of the server",
        docstrings.to_markdown(section["description"]),
        f"""
They stand in section `[{SECTION}]` of `airflow.cfg`, or in environment variables such as
`AIRFLOW__{SECTION.upper()}__HEARTBEAT_SECONDS`, on every scheduler and every API server alike. Numbers
must be above 0. An API server or scheduler reads them when it starts.""",
        markdown.table(("option", "default", "meaning"), rows),
    )
