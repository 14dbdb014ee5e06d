"""What a host can do: detected facts, and the configured ones that replace or add to them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import socket
from collections.abc import Iterable

import psutil

from edge_agent import __version__
from edge_agent.protocol import CapabilityValue, JobKind, RunnerName, Versions
from edge_agent.settings import AgentSettings

_GIB = 1024**3

_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
"""One name for each, whatever the system calls it."""

_PROGRAMS = ("tmux", "bash", "pwsh")


def detect_kinds(settings: AgentSettings) -> tuple[JobKind, ...]:
    """Return the kinds of job this host takes: as configured, or tasks only where there is an Airflow."""
    if settings.kinds != "auto":
        return settings.kinds
    if installed_version("apache-airflow-task-sdk") is None:
        return (JobKind.COMMAND,)
    return (JobKind.TASK, JobKind.COMMAND)


def detect_capabilities(
    settings: AgentSettings, runners: Iterable[RunnerName] = (RunnerName.LOCAL,)
) -> dict[str, CapabilityValue]:
    """Return what to advertise, with the runners that are ready.

    ============ ============================ ==========================================
    name         example                      meaning
    ============ ============================ ==========================================
    os           linux                        operating system
    arch         x86_64                       processor architecture
    cpus         8                            processors this process may use
    memory_gb    31                           memory of the host in GiB, rounded down
    python       3.11.7                       Python the agent runs with
    airflow      3.3.2                        Airflow on the host, where there is one
    tmux         true                         where tmux is installed
    bash         true                         where commands may ask for bash
    pwsh         true                         where commands may ask for PowerShell
    hostname     db-07                        the host's own name
    runner.local true                         jobs can run as processes of the host
    runner.tmux  true                         jobs can run in tmux sessions
    ============ ============================ ==========================================
    """
    detected: dict[str, CapabilityValue] = {
        "os": platform.system().lower(),
        "arch": _ARCHITECTURES.get(platform.machine().lower(), platform.machine().lower()),
        "cpus": _usable_cpus(),
        "memory_gb": psutil.virtual_memory().total // _GIB,
        "python": platform.python_version(),
        "hostname": socket.gethostname(),
        **{f"runner.{name}": True for name in runners},
    }
    if airflow := installed_version("apache-airflow-core"):
        detected["airflow"] = airflow
    detected |= {name: True for name in _PROGRAMS if shutil.which(name)}
    return detected | settings.capabilities


def detect_versions() -> Versions:
    """Return what runs on the host, for people."""
    return Versions(
        agent=__version__,
        python=platform.python_version(),
        airflow=installed_version("apache-airflow-core"),
        task_sdk=installed_version("apache-airflow-task-sdk"),
    )


def installed_version(distribution: str) -> str | None:
    """Return the version of a distribution without importing it: that would cost 3 s and 120 MB."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
