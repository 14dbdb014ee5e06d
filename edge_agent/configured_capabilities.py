"""Capabilities as somebody writes them into a setting: ``gpu=a100,rack=7,licensed=true``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from edge_agent.protocol import NAME_PATTERN, CapabilityValue


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    return {name.strip(): _plain_value(text.strip()) for name, _, text in pairs}


def _have_names(value: dict[str, CapabilityValue]) -> dict[str, CapabilityValue]:
    if wrong := [name for name in value if not re.fullmatch(NAME_PATTERN, name)]:
        msg = f"{wrong[0]!r} must be 1 to 64 letters, digits, '.', '_' or '-'; write name=value,name=value"
        raise ValueError(msg)
    return value


def _plain_value(text: str) -> CapabilityValue:
    """Read ``true`` and ``7`` as what they look like, all else as text: 3.10 is a version, not 3.1."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if re.fullmatch(r"-?\d{1,15}", text) else text


ConfiguredCapabilities = Annotated[dict[str, CapabilityValue], BeforeValidator(_read), AfterValidator(_have_names)]
"""A table, or a text of this form."""
