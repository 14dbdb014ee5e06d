"""Every knob of the agent, in one class: name, unit, default, reason. The docs table is made from it.

Each field is the environment variable ``EDGE_AGENT_<NAME>``, or a key of the TOML file that ``--config``
or ``EDGE_AGENT_CONFIG`` names. The environment wins. Wrong settings fail at start, by name.
"""

from __future__ import annotations

import re
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from edge_agent.addresses import (
    ListeningAddress,
    ProxyAddress,
    ServerAddress,
    is_loopback,
    leaves_in_the_clear,
    listening_at,
)
from edge_agent.configured_capabilities import ConfiguredCapabilities
from edge_agent.protocol import NAME_PATTERN, JobKind, Name
from edge_agent.protocol.agents import MAX_QUEUES, MAX_SLOTS
from edge_agent.protocol.signatures import PublicKey
from edge_agent.state_dir import default_state_dir
from edge_agent.token_file import read_token_file

ENV_PREFIX = "EDGE_AGENT_"
CONFIG_VARIABLE = ENV_PREFIX + "CONFIG"


class AgentSettings(BaseSettings):
    """The settings of one agent."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    url: ServerAddress = Field(
        description="Address of Airflow's API server as this host sees it, with its base path if it has one, "
        "such as `https://airflow.example.com`. The agent calls it and nothing else."
    )
    name: str = Field(
        default_factory=socket.gethostname,
        description="Name of this agent, unique among the agents of the site, the same after a restart. "
        "Default: the host name.",
    )
    token: SecretStr | None = Field(
        default=None, description="Agent token, as an admin got it from Airflow. Better: `token_file`."
    )
    token_file: Path | None = Field(
        default=None,
        description="File that holds the agent token, readable by its owner alone (mode 0600), or root's and readable "
        "by the agent's group (0640). Read again at each registration, so that a token can be replaced while the "
        "agent runs.",
    )
    queues: Annotated[tuple[Name, ...], NoDecode] = Field(
        min_length=1,
        max_length=MAX_QUEUES,
        description="Queues this agent serves, separated by commas.",
    )
    slots: int = Field(
        default=8, ge=1, le=MAX_SLOTS, description="How many slots of work run at once. Most jobs take one."
    )
    kinds: Annotated[Literal["auto"] | tuple[JobKind, ...], NoDecode] = Field(
        default="auto",
        description="Kinds of job to take, separated by commas: `command`, `task`. Default `auto`: "
        "`command`, and `task` where Airflow is installed.",
    )
    runner: Literal["local", "tmux"] = Field(
        default="local",
        description="Where jobs run that do not say it themselves: `local`, or `tmux` to look at all of them. "
        "With `tmux` the agent takes no work where there is no tmux.",
    )
    capabilities: Annotated[ConfiguredCapabilities, NoDecode] = Field(
        default={},
        description="Facts to advertise beside the detected ones, such as `gpu=a100,rack=7,licensed=true`. "
        "One that is detected too is replaced.",
    )
    state_dir: Path = Field(
        default_factory=default_state_dir,
        description="Directory for everything that must outlive a restart, on a local disk. One agent each. "
        "Default: `/var/lib/edge-agent` for root, else `~/.local/state/edge-agent`.",
    )
    policy_file: Path | None = Field(
        default=None,
        description="TOML file that says what may run on this host, which only root can write. "
        "Default: `/etc/edge-agent/policy.toml` where there is one.",
    )
    server_key: PublicKey | None = Field(
        default=None,
        description="Public key of the server, as `airflow edge-agent server-key` prints it there: jobs that it has "
        "not signed do not start. Default: the key that the first registration brings is believed.",
    )
    ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authorities to trust for `url`, instead of the host's own.",
    )
    client_cert_file: Path | None = Field(
        default=None,
        description="PEM file of a certificate to show to an ingress that asks for one, with its chain, and with its "
        "key unless `client_key_file` has that.",
    )
    client_key_file: Path | None = Field(
        default=None, description="PEM file of its key, without a password, readable like `token_file`."
    )
    proxy: ProxyAddress | None = Field(
        default=None,
        description="HTTP proxy for everything that is asked of Airflow, such as `http://proxy:3128` or "
        "`http://user:password@proxy:3128`. Default: `HTTPS_PROXY` and `NO_PROXY` of the environment.",
    )
    allow_insecure_http: bool = Field(
        default=False,
        description="Allow `http://` to other hosts than this one: everything then travels in the clear, tokens, "
        "connections and logs among it, for anybody on the way to read and to change.",
    )
    execution_api_url: ServerAddress | None = Field(
        default=None,
        description="Address of Airflow's Execution API for tasks. Default: `<url>/execution/`.",
    )
    drain_timeout_seconds: float = Field(
        default=3600.0,
        ge=0,
        description="Seconds to wait for running work after the first SIGTERM. What still runs then is left "
        "running, and adopted by the next start. 0: leave at once.",
    )
    cancel_grace_seconds: float = Field(
        default=10.0,
        ge=0,
        description="Seconds a cancelled job is given to end after SIGTERM, before SIGKILL.",
    )
    keep_failed_hours: float = Field(
        default=0.0,
        ge=0,
        description="Hours for which the attempt directory of a job that failed is kept, below `kept` in the state "
        "directory, for a look at what it left. 0: not at all.",
    )
    keep_failed_megabytes: float = Field(
        default=1000.0,
        ge=0,
        description="Megabytes that all kept attempt directories may have together. The oldest go first.",
    )
    spool_megabytes: float = Field(
        default=1000.0,
        gt=0,
        description="Megabytes of the disk that the logs of all jobs may take while the server is away. Beyond that "
        "the oldest of what it does not have is given up, and a line in the log says so; results never are. The server "
        "takes 64 MiB of a job's log unless it is told otherwise: the default holds 15 that say as much as they may.",
    )
    health_address: ListeningAddress | None = Field(
        default=None,
        description="Where to answer `GET /live` and `GET /ready`, for probes of a supervisor or a load balancer: "
        "`127.0.0.1:8099`, or `0.0.0.0:8099` where they come from other hosts. Default: nowhere.",
    )
    metrics: bool = Field(
        default=False,
        description="Answer `GET /metrics` there, too, in Prometheus' text format. Needs the extra `[metrics]`.",
    )
    task_logs: Literal["push", "store", "off"] = Field(
        default="push",
        description="Where the logs of tasks go: `push`, to Airflow while they are written; `store`, to the remote log "
        "store that Airflow's configuration on this host names, when the task has ended; `off`, nowhere.",
    )
    task_log_days: float = Field(
        default=30.0,
        gt=0,
        description="Days for which logs stay on this host: with `task_logs=off` each of them, in `task_logs` of the "
        "state directory; with `store` those that the store did not take, in `late_logs`.",
    )
    task_log_megabytes: float = Field(
        default=1000.0, gt=0, description="Megabytes that all of these may have together. The oldest go first."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Least severity of the agent's own log: `debug`, `info`, `warning`, `error`.",
    )
    log_format: Literal["console", "json"] = Field(
        default="console",
        description="Form of the agent's own log: `console` for people, `json` for machines.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the signature is given
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the same
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which is passed in."""
        return env_settings, init_settings

    @field_validator("queues", "kinds", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str) and value.strip() != "auto":
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value.strip() if isinstance(value, str) else value

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not re.fullmatch(NAME_PATTERN, value):
            msg = f"{value!r} must be 1 to 64 letters, digits, '.', '_' or '-'"
            raise ValueError(msg)
        return value

    @field_validator("metrics")
    @classmethod
    def _can_be_measured(cls, value: bool) -> bool:  # noqa: FBT001  the signature is given
        if value and find_spec("prometheus_client") is None:
            msg = "needs what the extra brings: pip install 'airflow-edge-agent[metrics]'"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _is_encrypted(self) -> AgentSettings:
        for name in self._in_the_clear() if not self.allow_insecure_http else ():
            msg = (
                f"{variable(name)}: http:// would send tokens in the clear; use https://, or set "
                f"{variable('allow_insecure_http')}=true if the network is trusted"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _has_a_certificate_with_its_key(self) -> AgentSettings:
        if self.client_key_file is not None and self.client_cert_file is None:
            msg = f"{variable('client_key_file')} without {variable('client_cert_file')}: set both"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _has_a_place_for_metrics(self) -> AgentSettings:
        if self.metrics and self.health_address is None:
            msg = (
                f"{variable('metrics')} without {variable('health_address')}: set that to where they are to be "
                "asked for, such as 127.0.0.1:8099"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _has_one_token(self) -> AgentSettings:
        if (self.token is None) == (self.token_file is None):
            msg = (
                f"set one of {variable('token_file')} and {variable('token')}; "
                "an admin creates a token with: airflow edge-agent tokens create"
            )
            raise ValueError(msg)
        return self

    @property
    def execution_api(self) -> str:
        """Where a task talks to Airflow."""
        return self.execution_api_url or self.url.rstrip("/") + "/execution/"

    def exposed(self) -> list[str]:
        """Say what others can read; nothing where it is encrypted, or does not leave this host."""
        open_to = listening_at(self.health_address)[0] if self.health_address else "localhost"
        everybody = "everybody who reaches this host can ask there how the agent is; use 127.0.0.1 if nobody has to"
        probes = [] if is_loopback(open_to) else [f"{variable('health_address')} is {self.health_address}: {everybody}"]
        what = "tokens, payloads, connections and logs can be read and changed by anybody on the way"
        return probes + [f"{variable(name)} is http://: {what}; use https://" for name in self._in_the_clear()]

    def proxy_secrets(self) -> list[SecretStr]:
        """Return what must not be shown of the proxy's address: it may hold a login."""
        password = urlsplit(self.proxy.get_secret_value()).password if self.proxy else None
        return [SecretStr(password)] if password else []

    def _in_the_clear(self) -> list[str]:
        proxy = self.proxy.get_secret_value() if self.proxy else None
        names = ("url", "execution_api_url")
        return [name for name in names if leaves_in_the_clear(getattr(self, name) or "", proxy)]

    def read_token(self) -> SecretStr:
        """Return the agent token, from its file as it is now.

        :raises SettingsError: when the file cannot be read, is readable by others, or holds no token.
        """
        if self.token is not None:
            return self.token
        assert self.token_file is not None  # noqa: S101  _has_one_token
        return read_token_file(self.token_file, variable=variable("token_file"))


def variable(field: str) -> str:
    """Return the environment variable of a setting."""
    return ENV_PREFIX + field.upper()
