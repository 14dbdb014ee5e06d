"""Where a job may run: its team, its queue and what it requires of an agent's capabilities.

Jobs that may run in the same places share a placement, found by its digest. The database only ever
compares digests; whether an agent satisfies a placement is decided here and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_plugin.errors import Invalid
from edge_agent.protocol import NAME_PATTERN, CapabilityValue

MAX_REQUIREMENTS = 32
MAX_VALUE = 200
MAX_NUMBER = 1e18
_COMPARED = re.compile(r"^>=\s*(\S+)$")
_VERSION = re.compile(r"^\d{1,18}(?!\d)(\.\d{1,18}(?!\d))*")


@dataclass(frozen=True)
class Placement:
    """A team, a queue and requirements. ``team`` None is the deployment without teams."""

    queue: str
    team: str | None = None
    requires: Mapping[str, CapabilityValue] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The digest that stands for it in the table: 32 hexadecimal digits."""
        canonical = json.dumps([self.team, self.queue, sorted(self.requires.items())], separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:32]

    def serves(self, *, team: str | None, queues: list[str]) -> bool:
        """Whether an agent of that team and those queues is asked at all."""
        return self.team == team and self.queue in queues

    def lacking(self, capabilities: Mapping[str, Any]) -> list[str]:
        """Return the requirements that these capabilities do not meet, as ``name = value`` for people."""
        return [written(name, self.requires[name]) for name in self.unmet(capabilities)]

    def unmet(self, capabilities: Mapping[str, Any]) -> list[str]:
        """Return the names of the requirements that these capabilities do not meet."""
        return [name for name, wanted in self.requires.items() if not _meets(capabilities.get(name), wanted)]


def written(name: str, value: CapabilityValue) -> str:
    """Return a requirement or a capability as people read it: ``gpu = true``, ``python >= 3.11``."""
    if isinstance(value, str) and (compared := _COMPARED.match(value)):
        return f"{name} >= {compared.group(1)}"
    return f"{name} = {json.dumps(value) if isinstance(value, bool) else value}"


def validated_requirements(requires: object) -> dict[str, CapabilityValue]:
    """Check what a Dag author wrote as requirements.

    A value is met by an equal capability; ``True`` by any capability that is there and not false;
    ``False`` by its absence; ``">=3.11"`` by a version or number at least as high.

    :raises Invalid: naming the requirement and what may stand there.
    """
    if not isinstance(requires, Mapping):
        msg = f"requires must be a mapping of capability names to values, not {type(requires).__name__}"
        raise Invalid(msg)
    if len(requires) > MAX_REQUIREMENTS:
        msg = f"requires names {len(requires)} capabilities; at most {MAX_REQUIREMENTS} are allowed"
        raise Invalid(msg)
    for name, value in requires.items():
        _check(name, value)
    return dict(requires)


def _check(name: object, value: object) -> None:
    if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN, name):
        msg = f"requires: {name!r} is not a capability name (letters, digits, '.', '_' and '-', at most 64)"
        raise Invalid(msg)
    if not isinstance(value, str | bool | int | float):
        msg = f"requires: {name!r} must be a text, a number, true or false, not {type(value).__name__}"
        raise Invalid(msg)
    if not isinstance(value, str) and not abs(value) < MAX_NUMBER:  # also what is not a number at all
        msg = f"requires: {name!r} is not a number between -{MAX_NUMBER:g} and {MAX_NUMBER:g}"
        raise Invalid(msg)
    if isinstance(value, str) and len(value) > MAX_VALUE:
        msg = f"requires: the value of {name!r} is longer than {MAX_VALUE} characters"
        raise Invalid(msg)
    if isinstance(value, str) and value.startswith(">=") and not _COMPARED.match(value):
        msg = f"requires: {name!r} is {value!r}; after '>=' stands one version or number"
        raise Invalid(msg)


def _meets(has: Any, wanted: CapabilityValue) -> bool:
    if isinstance(wanted, bool):
        return _is_there(has) is wanted
    if has is None or isinstance(has, bool):
        return False
    if isinstance(wanted, str) and (compared := _COMPARED.match(wanted)):
        return _at_least(has, compared.group(1))
    if isinstance(wanted, str):
        return str(has) == wanted
    return _as_number(has) == float(wanted)


def _is_there(has: Any) -> bool:
    return has is not None and has is not False and str(has).lower() not in {"", "false"}


def _at_least(has: CapabilityValue, least: str) -> bool:
    number, bound = _as_number(has), _as_number(least)
    # "3.9" and "3.11" are versions although they read as numbers: texts with a dot compare by part.
    if number is not None and bound is not None and not (isinstance(has, str) and "." in has + least):
        return number >= bound
    mine, wanted = _parts(str(has)), _parts(least)
    if mine is None or wanted is None:
        return False
    width = max(len(mine), len(wanted))
    return mine + [0] * (width - len(mine)) >= wanted + [0] * (width - len(wanted))


def _as_number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def _parts(version: str) -> list[int] | None:
    found = _VERSION.match(version)
    return [int(part) for part in found.group().split(".")] if found else None
