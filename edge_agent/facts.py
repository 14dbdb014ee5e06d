"""What a host's operator says of it: ``gpu=a100,rack=7,licensed=true``, read into what it looks like."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from edge_agent.protocol import NAME_PATTERN, CapabilityValue


def _parse(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    return {name.strip(): _plain_value(text.strip()) for name, _, text in pairs}


def _plain_value(text: str) -> CapabilityValue:
    """Read ``true`` and ``7`` as what they look like, all else as text: 3.10 is a version, not 3.1."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if re.fullmatch(r"-?\d{1,15}", text) else text


def _check(value: dict[str, CapabilityValue]) -> dict[str, CapabilityValue]:
    if wrong := [name for name in value if not re.fullmatch(NAME_PATTERN, name)]:
        msg = f"{wrong[0]!r} must be 1 to 64 letters, digits, '.', '_' or '-'; write name=value,name=value"
        raise ValueError(msg)
    return value


Facts = Annotated[dict[str, CapabilityValue], NoDecode, BeforeValidator(_parse), AfterValidator(_check)]
"""Capabilities that are configured; a table where the settings are TOML."""
