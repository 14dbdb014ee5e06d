"""Times as people type them: ``90s``, ``30m``, ``2h``, ``7d``."""

from __future__ import annotations

import re

from airflow_plugin.cli.command import RefusedError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def seconds(text: str | None, option: str) -> float | None:
    """Return the seconds of a time like ``2h`` or ``1h30m``; None for none.

    :raises RefusedError: when it is not one, naming the option.
    """
    if text is None:
        return None
    parts = _PART.findall(text)
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or total <= 0:
        msg = f"{option} {text!r} is not a time; write for example 90s, 30m, 2h or 7d"
        raise RefusedError(msg)
    return total
