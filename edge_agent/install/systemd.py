"""The systemd unit of an agent, and how much of the host it shows to jobs.

Jobs are children of the agent and inherit whatever the unit takes away. So each line says why it is there, and
what is left out on purpose has its reason in ``docs/how-to/install-a-host.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edge_agent.install.layout import Layout

MARK = "# Written by `edge-agent install`"
"""How whatever is overwritten without asking begins."""

SLACK_SECONDS = 100
"""What a stop takes beside the drain: the last logs, the goodbye to a server that may be away."""

LONGEST_DRAIN_SECONDS = 31_536_000
"""A year: what every service manager can be told, where a drain may take for ever (``inf``)."""

WATCHDOG_SECONDS = 60
"""How long the event loop may hang: twice as long as a silent agent is believed in, unless settings say otherwise."""


class Sandbox(StrEnum):
    """How much of the host is taken away from the agent and its jobs.

    OPEN: nothing that a job could miss; sudo and other programs that gain privileges work. The only one for root.
    JOBS: what no ordinary job of a user without privileges misses, and nobody gains any.
    COMMANDS: more, for a host that runs known commands and no Airflow tasks.
    """

    OPEN = "open"
    JOBS = "jobs"
    COMMANDS = "commands"


@dataclass(frozen=True)
class Unit:
    """What the unit is made from. ``drain_seconds``: how long the agent waits for its work when told to stop."""

    layout: Layout
    user: str
    group: str
    program: Path
    state_dir: Path
    drain_seconds: float
    sandbox: Sandbox

    @property
    def text(self) -> str:
        """What stands in its file."""
        parts = (_head(self), _service(self), () if self.sandbox is Sandbox.OPEN else _JOBS, _TAIL)
        return "\n".join(line for part in parts for line in part) + "\n"


def stop_seconds(drain_seconds: float) -> int:
    """Return how long a stop may take."""
    return round(min(drain_seconds, LONGEST_DRAIN_SECONDS) + SLACK_SECONDS)


def commands_only() -> str:
    """Return the drop-in for a host that runs commands only."""
    return "\n".join((f"{MARK} --sandbox commands; --sandbox jobs takes it away.", "", *_COMMANDS)) + "\n"


def _head(unit: Unit) -> Sequence[str]:
    instance = f" ({unit.layout.instance})" if unit.layout.instance else ""
    return (
        f"{MARK}, which writes it anew. Put changes into a drop-in: systemctl edit {unit.layout.unit}",
        "",
        "[Unit]",
        f"Description=Airflow edge agent{instance}",
        "After=network-online.target",
        "Wants=network-online.target",
        f"RequiresMountsFor={unit.state_dir}",
        "# It is started again for as long as it takes: an outage must not use up a number of tries.",
        "StartLimitIntervalSec=0",
        "",
    )


def _service(unit: Unit) -> Sequence[str]:
    usual = unit.state_dir.parent == Path("/var/lib")
    return (
        "[Service]",
        "# The agent says when it is there, and feeds the watchdog out of its event loop: one that hangs is started",
        "# anew. A server that is away is no reason.",
        "Type=notify",
        "NotifyAccess=main",
        f"WatchdogSec={WATCHDOG_SECONDS}",
        f"User={unit.user}",
        f"Group={unit.group}",
        *((f"StateDirectory={unit.state_dir.name}", "StateDirectoryMode=0700") if usual else ()),
        f"EnvironmentFile=-{unit.layout.environment}",
        f"ExecStart={unit.program} run --config {unit.layout.settings}",
        "# Exit code 0 means that it was told to leave: drained by an admin, or stopped here.",
        "Restart=on-failure",
        "RestartSec=5",
        "# After these a restart changes nothing: a setting is wrong, the server refuses or is another one, or another",
        "# agent is there.",
        "RestartPreventExitStatus=2 3 4 5 6",
        "# Jobs outlive the agent, and the next start takes them up again: systemd must not kill them with it. They",
        "# stay in this cgroup; what systemd says of that at the next start, of processes left over, is as it should",
        "# be. tmux gets a scope of its own where systemd lets it.",
        "KillMode=process",
        "# A job that the kernel kills for its memory is that job's end, not the agent's.",
        "OOMPolicy=continue",
        "# SIGTERM drains: longer than drain_timeout_seconds, or the agent is killed in the middle of it.",
        f"TimeoutStopSec={stop_seconds(unit.drain_seconds)}",
        "# The number of processes is the jobs' business.",
        "TasksMax=infinity",
        "# What the agent writes is its own. Jobs begin with 022.",
        "UMask=0077",
        "# All jobs together; what a single one may have stands in the host's policy.",
        "#MemoryMax=80%",
        "#CPUWeight=50",
        "# Only for jobs that run containers, and so make cgroups of their own.",
        "#Delegate=yes",
        "",
    )


_JOBS: Sequence[str] = (
    "# What follows holds for jobs, too. None of it is missed by one that runs as a user without privileges; for those",
    "# that need sudo: edge-agent install --sandbox open",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "# /usr, /boot and /etc: such a user writes nothing there.",
    "ProtectSystem=full",
    "# Of the kernel: its settings, modules, log, clock and name.",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "# Ways into the kernel that hardly a job goes.",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "# Calls that take privileges in any case; a job that tries is told so, and not killed.",
    "SystemCallFilter=~@clock @module @raw-io @reboot @swap @obsolete @cpu-emulation",
    "SystemCallErrorNumber=EPERM",
    "",
)

_COMMANDS: Sequence[str] = (
    "[Service]",
    "# Other users' processes are nobody's business.",
    "ProtectProc=invisible",
    "# No device but /dev/null and its like: leave this out where commands use a GPU or a tape.",
    "PrivateDevices=yes",
    "DevicePolicy=closed",
    "# No containers, no sandboxes of browsers.",
    "RestrictNamespaces=yes",
    "# No raw packets, no Bluetooth, no virtual sockets.",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "# No file becomes setuid or setgid. `tar -p` and `rsync -a` of a setgid directory then fail.",
    "RestrictSUIDSGID=yes",
    "# No programs of 32 bits.",
    "SystemCallArchitectures=native",
    "# No debuggers and no mounts: what services need, and nothing else, in place of the list of the unit.",
    "SystemCallFilter=",
    "SystemCallFilter=@system-service",
    "# Reads homes, as listed commands may stand there, and writes to none.",
    "ProtectHome=read-only",
)

_TAIL: Sequence[str] = ("[Install]", "WantedBy=multi-user.target")
