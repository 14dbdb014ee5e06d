"""What /proc tells: CPU seconds and memory of a process and all below it, and what machine this is."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
KIB = 1024


@dataclass(frozen=True)
class Memory:
    """Bytes. ``rss`` counts shared pages in each process, ``pss`` divides them among their users."""

    rss: int
    pss: int
    processes: int


def tree(root: int) -> set[int]:
    """Return a process and everything below it."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        with suppress(OSError):
            children.setdefault(int(_stat(pid)[1]), []).append(pid)
    found, new = set(), [root]
    while new:
        pid = new.pop()
        found.add(pid)
        new += children.get(pid, [])
    return found


def cpu_seconds(root: int) -> float:
    """Return what a process and everything below it has used so far, ended children included.

    Living processes are read from their CPU clock, to the nanosecond; ended ones in ticks of 10 ms.
    """
    total = 0.0
    for pid in tree(root):
        with suppress(OSError):
            # The clock of another process, as clock_getcpuclockid(3) makes its number.
            total += time.clock_gettime((~pid << 3) | 2)
            total += sum(int(ticks) for ticks in _stat(pid)[13:15]) / TICKS
    return total


def memory(root: int) -> Memory:
    """Return the memory of a process and everything below it."""
    return memory_of(tree(root))


def memory_of(pids: Iterable[int]) -> Memory:
    """Return the memory of these processes together."""
    rss = pss = processes = 0
    for pid in pids:
        with suppress(OSError):
            fields = dict(line.split()[:2] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
            rss += int(fields["Rss:"]) * KIB
            pss += int(fields["Pss:"]) * KIB
            processes += 1
    return Memory(rss, pss, processes)


def describe() -> str:
    """Return the machine in one line."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cpus = len(os.sched_getaffinity(0))
    return (
        f"{cpus} CPUs ({names[0] if names else platform.machine()}), {total / 2**30:.0f} GB of memory, "
        f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    )


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """Return the fields of stat behind the command's name, which may hold anything: state is the first."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
