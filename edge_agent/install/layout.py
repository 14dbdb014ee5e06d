"""Where everything of one installed agent is. A further agent of the host has an instance name in all of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

USER = "edge-agent"
"""The user that an agent runs as, and its jobs with it, unless another one is named."""

COMMENT = "made by edge-agent install"
"""What the user's entry says, so that only a user of ours is ever removed."""

POLICY = Path("/etc/edge-agent/policy.toml")
"""One for all agents of a host, as a host has one owner."""


@dataclass(frozen=True)
class Layout:
    """The paths of the agent ``instance``; None: of the only one."""

    instance: str | None = None

    @property
    def name(self) -> str:
        """What everything of it is named after."""
        return "edge-agent" if self.instance is None else f"edge-agent@{self.instance}"

    @property
    def unit(self) -> str:
        """Its systemd unit."""
        return f"{self.name}.service"

    @property
    def unit_file(self) -> Path:
        """Where its unit is."""
        return Path("/etc/systemd/system") / self.unit

    @property
    def drop_in(self) -> Path:
        """What more is taken away from the jobs of a host that runs commands only."""
        return Path("/etc/systemd/system") / f"{self.unit}.d" / "50-commands-only.conf"

    @property
    def folder(self) -> Path:
        """Where its settings are."""
        return Path("/etc") / self.name

    @property
    def settings(self) -> Path:
        """Its settings."""
        return self.folder / "agent.toml"

    @property
    def environment(self) -> Path:
        """The variables it is started with, most of them Airflow's."""
        return self.folder / "environment"

    @property
    def start(self) -> Path:
        """What other service managers than systemd run."""
        return self.folder / "start"

    @property
    def token(self) -> Path:
        """Its token."""
        return self.folder / "token"

    @property
    def record(self) -> Path:
        """What was made when it was installed."""
        return self.folder / "installed.json"

    @property
    def state_dir(self) -> Path:
        """Its state directory, unless the settings name another."""
        return Path("/var/lib") / self.name

    @property
    def log_folder(self) -> Path:
        """Where its own log goes without systemd, whose journal takes it otherwise."""
        return Path("/var/log") / self.name

    @property
    def rotation(self) -> Path:
        """What rotates that log."""
        return Path("/etc/logrotate.d") / self.name
