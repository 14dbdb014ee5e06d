"""The page in Airflow's UI: where its built bundle is, and how Airflow is told of it.

The bundle is made when the package is built. A checkout in which that was not done has none: then there is no page,
the log says so, and everything else works.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge_agent.protocol.routes import MOUNT

log = logging.getLogger(__name__)

MAIN = "main.js"
ICON, DARK_ICON = "edge-agents.svg", "edge-agents-dark.svg"
STATIC = "/static"

_HERE = Path(__file__).parent
FILES = {MAIN: _HERE / "ui" / "dist" / MAIN, ICON: _HERE / "icons" / ICON, DARK_ICON: _HERE / "icons" / DARK_ICON}
"""What is served, by the name it is served by."""


def base_path() -> str:
    """Return the path of ``[api] base_url``: "" or "/somewhere"."""
    from airflow.configuration import conf

    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def version(name: str) -> str | None:
    """Return what tells one content of a file from another, None when the file is not there."""
    try:
        return hashlib.sha256(FILES[name].read_bytes()).hexdigest()[:16]
    except FileNotFoundError:
        return None


def url(name: str) -> str:
    """Return the address of a file, with its version: another content has another address."""
    return f"{base_path()}{MOUNT}{STATIC}/{name}?v={version(name)}"


def react_apps() -> list[dict[str, Any]]:
    """Return the page and the tab of a task instance, as Airflow wants them; nothing when there is no bundle.

    The page stands in the menu under "Admin", beside pools and connections, the rights to which it asks for. Extra
    links are on operators of commands alone: a global one would stand on every task of every executor.
    """
    if version(MAIN) is None:
        log.warning("There is no page 'Edge Agents': its bundle %s was not built. All else works.", FILES[MAIN])
        return []
    icons = {"icon": url(ICON), "icon_dark_mode": url(DARK_ICON)}
    # A module is evaluated once for each address, and Airflow takes what that leaves behind: each app needs its own.
    return [
        {
            "name": "Edge Agents",
            "bundle_url": url(MAIN) + "&app=page",
            "destination": "nav",
            "url_route": "edge-agents",
            "category": "admin",
            **icons,
        },
        {
            "name": "Edge Agent",
            "bundle_url": url(MAIN) + "&app=task",
            "destination": "task_instance",
            "url_route": "edge-agent",
            **icons,
        },
    ]
