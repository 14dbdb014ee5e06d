"""Reading the settings: from the environment, and the TOML file it or the command line names.

Wrong settings fail at start, by name, and their values are never repeated: one of them may be the token.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_agent.errors import SettingsError
from edge_agent.settings import CONFIG_VARIABLE, ENV_PREFIX, AgentSettings, variable
from edge_agent.state_dir import default_state_dir

INSTALLED = Path("/etc/edge-agent/agent.toml")
"""Where ``edge-agent install`` writes the settings of a host's agent."""


def load(config: Path | None = None) -> AgentSettings:
    """Read the settings from the environment and, if one is named, a TOML file.

    :raises SettingsError: when one is missing or wrong; the message has a line for each, by name.
    """
    if config is None and (named := os.environ.get(CONFIG_VARIABLE)):
        config = Path(named)
    try:
        return AgentSettings(**(_read(config) if config else {}))
    except ValidationError as error:
        lines = [line_of(fault) for fault in error.errors()]
        if config is None and INSTALLED.exists():
            lines.append(
                f"The agent that is installed here has its settings in a file: add --config {INSTALLED}, as its user"
            )
        raise SettingsError("\n".join(lines)) from None


def load_state_dir(config: Path | None = None) -> Path:
    """Return the state directory alone, for what needs no token and no server.

    :raises SettingsError: when the TOML file cannot be read.
    """
    if config is None and (named := os.environ.get(CONFIG_VARIABLE)):
        config = Path(named)
    chosen = os.environ.get(variable("state_dir")) or (_read(config).get("state_dir") if config else None)
    return Path(chosen) if chosen else default_state_dir()


def misspelt() -> list[str]:
    """Return a sentence for each environment variable that looks like a setting and is none.

    Told and not refused: a container platform sets variables of its own with any prefix.
    """
    known = {*(variable(name) for name in AgentSettings.model_fields), CONFIG_VARIABLE}
    unknown = sorted(name for name in os.environ if name.startswith(ENV_PREFIX) and name not in known)
    meant = {name: difflib.get_close_matches(name, known, n=1, cutoff=0.85) for name in unknown}
    return [f"{name} is no setting; did you mean {near[0]}?" for name, near in meant.items() if near]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{CONFIG_VARIABLE}: cannot read {path}: {error.strerror}"
        raise SettingsError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{CONFIG_VARIABLE}: {path} is not TOML: {error}"
        raise SettingsError(msg) from error


def line_of(fault: Any) -> str:
    """Say one fault in one line, and never repeat the value: it may be the token."""
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return str(message)
    name = str(fault["loc"][0])
    if fault["type"] == "extra_forbidden":
        return f"{name}: there is no such setting"
    if fault["type"] == "missing":
        return f"{variable(name)} is not set: {AgentSettings.model_fields[name].description}"
    return f"{variable(name)}: {message}"
