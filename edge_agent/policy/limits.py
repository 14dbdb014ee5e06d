"""What a job's processes may use. Set before the program begins, and handed down to whatever it starts.

Imported by the process of every job: the standard library, and no more of it than is needed.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Mapping
from contextlib import suppress

MEGABYTE = 1_000_000

_KINDS = {
    "cpu_seconds": (resource.RLIMIT_CPU, 1),
    "memory_megabytes": (resource.RLIMIT_AS, MEGABYTE),
    "open_files": (resource.RLIMIT_NOFILE, 1),
    "processes": (resource.RLIMIT_NPROC, 1),
    "file_megabytes": (resource.RLIMIT_FSIZE, MEGABYTE),
}
"""Limit of the policy: which one of the system's, and how many of its units."""

CPU_FAREWELL_SECONDS = 5
"""Between SIGXCPU and SIGKILL."""

_SENT_BY = {signal.SIGXCPU: "cpu_seconds", signal.SIGXFSZ: "file_megabytes"}


def apply(limits: Mapping[str, int | None]) -> None:
    """Bound this process, and what it starts. What the system bounds closer already stays as it is."""
    for name, (kind, unit) in _KINDS.items():
        amount = limits.get(name)
        if amount is None:
            continue
        _, hardest = resource.getrlimit(kind)
        most = amount * unit + (CPU_FAREWELL_SECONDS if kind == resource.RLIMIT_CPU else 0)
        hard = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
        resource.setrlimit(kind, (min(amount * unit, hard), hard))


def exceeded(limits: Mapping[str, int | None], number: int) -> str | None:
    """Return the limit whose signal has ended a process, or None when that was another one's."""
    with suppress(ValueError):
        name = _SENT_BY.get(signal.Signals(number))
        if name and limits.get(name) is not None:
            return name
    return None
