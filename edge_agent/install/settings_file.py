"""``agent.toml``: what was asked for is set, and every other line of it stays as somebody has written it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from typing_extensions import override

from edge_agent.configuration import line_of
from edge_agent.errors import SettingsError
from edge_agent.settings import AgentSettings

Value = str | Sequence[str]

HEAD = """\
# Settings of the edge agent. `edge-agent install` sets what its options name and leaves the rest: edit freely.
"""

NEEDED: Mapping[str, Value] = {"url": "https://airflow.example.com", "queues": ["onprem"]}
"""What has no default, with an example."""


class _OfTheFileAlone(AgentSettings):
    """The settings as a service reads them: what the shell of the installation holds is not the service's."""

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def parse(text: str, path: Path) -> dict[str, Any]:
    """Read the file's content.

    :raises SettingsError: when it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{path} is not TOML: {error}"
        raise SettingsError(msg) from error


def judge(content: Mapping[str, Any]) -> AgentSettings:
    """Return the settings that a file's content comes to.

    :raises SettingsError: when one is missing or wrong; the message has a line for each, by name.
    """
    try:
        return _OfTheFileAlone(**content)
    except ValidationError as error:
        raise SettingsError("\n".join(line_of(fault) for fault in error.errors())) from None


def missing(content: Mapping[str, Any]) -> list[str]:
    """Return which settings are missing without which no agent starts."""
    return [name for name in NEEDED if name not in content]


def with_values(text: str, values: Mapping[str, Value], path: Path) -> str:
    """Return the file with these values set.

    :raises SettingsError: when it is written in a way that no line of it can be exchanged.
    """
    wanted = parse(text, path) | {name: _plain(value) for name, value in values.items()}
    for name, value in values.items():
        if parse(text, path).get(name) != _plain(value):
            text = _with_value(text, name, value)
    try:
        is_right = tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        is_right = False
    if not is_right:
        msg = f"{path} cannot be changed line by line: set {', '.join(values)} there by hand, and leave the options out"
        raise SettingsError(msg)
    return text


def with_examples(text: str, names: Sequence[str]) -> str:
    """Return the file with a comment for each setting that somebody has yet to make."""
    lines = [f"# {name} = {_toml(NEEDED[name])}" for name in names]
    return text + "".join(f"{line}\n" for line in lines if line not in text.splitlines())


def _with_value(text: str, name: str, value: Value) -> str:
    lines = text.splitlines()
    tables = (number for number, line in enumerate(lines) if line.lstrip().startswith("["))
    end_of_keys = next(tables, len(lines))
    begin = next((number for number in range(end_of_keys) if re.match(rf"\s*{name}\s*=", lines[number])), None)
    if begin is None:
        begin = end = _last_key(lines[:end_of_keys])
    else:
        end = _end_of_value(lines, begin)
    return "\n".join([*lines[:begin], f"{name} = {_toml(value)}", *lines[end:]]) + "\n"


def _last_key(lines: Sequence[str]) -> int:
    """Return where a further key goes: below the last one. A comment may be that of the table behind it."""
    keys = (number + 1 for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#"))
    return max(keys, default=len(lines))


def _end_of_value(lines: Sequence[str], begin: int) -> int:
    """Return where the value that begins in a line has ended: a list may go over several."""
    for end in range(begin + 1, len(lines) + 1):
        try:
            tomllib.loads("\n".join(lines[begin:end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return begin + 1


def _plain(value: Value) -> str | list[str]:
    return value if isinstance(value, str) else list(value)


def _toml(value: Value) -> str:
    """Return a value as TOML, which reads JSON's texts and lists as what they are."""
    return json.dumps(_plain(value), ensure_ascii=False)
