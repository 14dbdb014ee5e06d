"""The ``[edge_agent]`` section, read once into a frozen value."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Self

SECTION = "edge_agent"

LEAST_BEATS = 4
"""How many heartbeats a session token lives at least, whatever is configured: two of them bring the next one."""


class ConfigError(ValueError):
    """An option of ``[edge_agent]`` has a value that cannot work; the message names it."""


@dataclass(frozen=True)
class QueueConfig:
    """Every knob of the server side. Defaults here are the defaults of ``provider_info``.

    Seconds are seconds, bytes are bytes, days are days, as the names say.
    """

    heartbeat_seconds: float = 10.0
    missed_heartbeats: int = 3
    offer_seconds: float = 15.0
    poll_seconds: float = 25.0
    watch_seconds: float = 0.1
    queue_timeout_seconds: float = 3600.0
    lost_wait_seconds: float = 86_400.0
    priority_step_seconds: float = 10.0
    priority_head_start_seconds: float = 3600.0
    sync_seconds: float = 0.25
    reconcile_seconds: float = 2.0
    log_chunk_bytes: int = 524_288
    log_limit_bytes: int = 67_108_864
    log_bytes_per_minute: int = 67_108_864
    log_retention_days: float = 30.0
    job_retention_days: float = 7.0
    event_retention_days: float = 30.0
    history_hours: float = 24.0
    batch: int = 64
    max_tokens: int = 50
    token_retention_days: float = 90.0
    trusted_proxies: str = ""
    requests_per_minute: int = 12_000
    failed_logins_per_minute: int = 60
    body_limit_bytes: int = 1_048_576
    max_held_polls: int = 10_000
    session_token_seconds: float = 3600.0
    metrics_seconds: float = 30.0
    metrics_agents: int = 1000

    @classmethod
    def from_airflow(cls) -> Self:
        """Read the section.

        :raises ConfigError: naming the option, its value and what it must be.
        """
        from airflow.configuration import conf

        values: dict[str, float | int | str] = {}
        for field in fields(cls):
            raw = conf.get(SECTION, field.name, fallback=str(field.default))
            if field.type == "str":
                values[field.name] = raw
                continue
            kind = int if field.type == "int" else float
            try:
                value = kind(raw)
            except ValueError:
                wanted = "a whole number" if kind is int else "a number"
                msg = f"[{SECTION}] {field.name} = {raw!r} is not {wanted}"
                raise ConfigError(msg) from None
            if value <= 0:
                msg = f"[{SECTION}] {field.name} = {raw!r} must be greater than 0"
                raise ConfigError(msg)
            values[field.name] = value
        return cls(**values)  # type: ignore[arg-type]  # each value was made by its field's own type

    def __post_init__(self) -> None:
        """Refuse values that contradict each other."""
        if self.batch > (limit := 256):
            msg = f"[{SECTION}] batch = {self.batch} is more than a message may hold ({limit})"
            raise ConfigError(msg)
        _ = self.proxies
        if self.poll_seconds > (longest := 60):
            msg = f"[{SECTION}] poll_seconds = {self.poll_seconds} is longer than proxies wait ({longest})"
            raise ConfigError(msg)

    @property
    def session_life_seconds(self) -> float:
        """How long the token of a session lives, of an agent without a heartbeat of its own."""
        return max(self.session_token_seconds, LEAST_BEATS * self.heartbeat_seconds)

    @cached_property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of ``trusted_proxies``.

        :raises ConfigError: naming what is no network.
        """
        networks = []
        for word in filter(None, (part.strip() for part in self.trusted_proxies.split(","))):
            try:
                networks.append(ip_network(word))
            except ValueError:
                msg = f"[{SECTION}] trusted_proxies: {word!r} is not a network; write 10.1.0.7 or 10.1.0.0/24"
                raise ConfigError(msg) from None
        return tuple(networks)
