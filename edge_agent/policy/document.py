"""What may stand in the policy file. The reference page is made from these classes.

Whatever is not said here does not exist: a key that nobody knows is an error, as a slip in it would
otherwise allow, or keep unbounded, what its author meant to forbid.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from edge_agent.policy import lint
from edge_agent.policy.lint import Lint
from edge_agent.policy.templates import Template
from edge_agent.policy.values import PathBelow
from edge_agent.protocol import NAME_PATTERN, JobKind, Name

_ENV_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?|\*", re.ASCII)

Whole = Annotated[int, Field(ge=1, le=2**40, strict=True)]
Workload = Literal["task", "callback", "connection_test"]


class Table(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(Table):
    """What a job may use. Each but ``time_seconds`` holds for every process of the job by itself."""

    time_seconds: Whole | None = Field(
        default=None,
        description="Seconds a job may run; a command may ask for less. Then it is ended "
        "(SIGTERM, `cancel_grace_seconds`, SIGKILL) and reported with the reason `timeout`.",
    )
    cpu_seconds: Whole | None = Field(
        default=None, description="Seconds of processor time of a process (SIGXCPU, 5 s later SIGKILL)."
    )
    memory_megabytes: Whole | None = Field(
        default=None, description="Address space of a process; what it asks for beyond that it does not get."
    )
    open_files: Whole | None = Field(default=None, description="Files and sockets a process may hold open.")
    processes: Whole | None = Field(
        default=None,
        description="Processes and threads that the *user* may have, all his jobs together. Not enforced for root.",
    )
    file_megabytes: Whole | None = Field(
        default=None, description="Size of a file that a process writes, its log among them (SIGXFSZ)."
    )

    def over(self, general: Limits) -> Limits:
        """Return these limits, and of those not given here the general ones."""
        return general.model_copy(update=self.model_dump(exclude_none=True))


class Tasks(Table):
    """``[tasks]``: Airflow's tasks. What Python code of a Dag does, nothing here can judge."""

    workloads: tuple[Workload, ...] = Field(
        default=get_args(Workload),
        description="Which of Airflow's workloads to run: `task`; `callback`, for which the server names any "
        "importable function of this host and its arguments; `connection_test`.",
    )
    run_as_user: str | None = Field(
        default=None,
        min_length=1,
        description="User of the host that tasks run as. Default: the agent's own. "
        "`root` must be named, also where the agent is root's.",
    )
    run_as_users: tuple[str, ...] = Field(
        default=(),
        description="Users that a task may ask for beside that one, by `run_as_user` in its `executor_config`.",
    )
    limits: Limits = Field(
        default=Limits(),
        description="What a task may use. Its supervisor is not bounded; callbacks and connection tests only in time.",
    )


class Bounds(Table):
    """What a command may have beside its words, for all of them and for a single listed one."""

    run_as_user: str | None = Field(
        default=None,
        min_length=1,
        description="User of the host for commands that name none. Default: the agent's own. "
        "`root` must be named, also where the agent is root's.",
    )
    run_as_users: tuple[str, ...] | None = Field(
        default=None, description="Users that a command may ask for (`run_as_user`) beside that one."
    )
    env: tuple[str, ...] | None = Field(
        default=None,
        description="Environment variables a command may set: names, and beginnings of names with a `*` behind. "
        "Default: none. What changes which code a program loads (`PATH`, `LD_*`, `PYTHON*`, ...) is never meant by "
        "a `*`; write the name. `TRACEPARENT`, which the agent sets where the task is traced, needs no entry: it holds "
        "three numbers and nothing else.",
    )
    directories: tuple[str, ...] | None = Field(
        default=None,
        description="Directories a command may ask to begin in (`cwd`), and below. Default: none beside the user's "
        "home; with `allow` as `argv` or `shell` any.",
    )
    limits: Limits = Field(default=Limits(), description="What a command may use.")

    @field_validator("env")
    @classmethod
    def _are_names(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if wrong := [each for each in value or () if not _ENV_PATTERN.fullmatch(each)]:
            msg = f"{wrong[0]!r} is no name of a variable, nor the beginning of one with a '*' behind"
            raise ValueError(msg)
        return value

    @field_validator("directories")
    @classmethod
    def _are_absolute(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if wrong := [each for each in value or () if not each.startswith("/")]:
            msg = f"{wrong[0]!r} must be an absolute path"
            raise ValueError(msg)
        return value

    @cached_property
    def roots(self) -> tuple[PathBelow, ...]:
        """The directories, as what judges a path."""
        return tuple(PathBelow(each.rstrip("/") or "/", or_itself=True) for each in self.directories or ())


class Commands(Bounds):
    """``[commands]``: commands, that is jobs without Airflow."""

    allow: Literal["listed", "argv", "shell"] = Field(
        default="listed",
        description="`listed`: only what stands under `[[command]]`. `argv`: any program with any arguments. "
        "`shell`: also texts, which `/bin/sh`, bash or PowerShell reads. With `argv` whoever may send commands can do "
        "everything that their user can do on this host, a shell included.",
    )
    new_privileges: bool = Field(
        default=False,
        description="Whether `sudo` and other setuid programs work in commands. Off, the kernel lets no command "
        "gain what its user does not have (`no_new_privs`).",
    )


class Listed(Bounds):
    """``[[command]]``: one command that may run. What it does not say, ``[commands]`` says."""

    name: str = Field(description="What messages call it: 1 to 64 letters, digits, '.', '_' or '-'.")
    argv: tuple[str, ...] = Field(
        min_length=1,
        description="Its words: the program as an absolute path, then texts and typed values such as `{day:date}`.",
    )

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not re.fullmatch(NAME_PATTERN, value):
            msg = f"{value!r} must be 1 to 64 letters, digits, '.', '_' or '-'"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _makes_sense(self) -> Listed:
        _ = self.template
        return self

    @cached_property
    def template(self) -> Template:
        """Its words, as what judges a command."""
        return Template.parse(self.argv)


class LintTable(Table):
    """``[lint]``: advice against obvious slips in commands that are not listed. No security boundary."""

    skip: tuple[str, ...] = Field(
        default=(),
        description=f"Names of the built-in patterns to leave out: {', '.join(f'`{name}`' for name in lint.DEFAULT)}.",
    )
    patterns: dict[str, str] = Field(
        default={}, description="Others: a name, and a regular expression that is looked for in the command."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> LintTable:
        if unknown := [name for name in self.skip if name not in lint.DEFAULT]:
            msg = f"skip: there is no pattern {unknown[0]!r}, only {', '.join(lint.DEFAULT)}"
            raise ValueError(msg)
        for name, pattern in self.patterns.items():
            try:
                re.compile(pattern)
            except re.error as error:
                msg = f"patterns.{name}: is no regular expression: {error}"
                raise ValueError(msg) from None
        return self

    @cached_property
    def lint(self) -> Lint:
        """The patterns that are on."""
        kept = {name: pattern for name, pattern in lint.DEFAULT.items() if name not in self.skip}
        return Lint(kept | self.patterns)


class Document(Table):
    """The whole file. An empty one is what holds where there is none."""

    queues: tuple[Name, ...] | None = Field(
        default=None, description="Queues whose jobs may run here. Default: those the agent is configured with."
    )
    kinds: tuple[JobKind, ...] = Field(
        default=tuple(JobKind), description="Kinds of job that may run here: `task`, `command`."
    )
    tasks: Tasks = Tasks()
    commands: Commands = Commands()
    command: tuple[Listed, ...] = ()
    lint: LintTable = LintTable()

    @field_validator("command")
    @classmethod
    def _have_names_of_their_own(cls, value: tuple[Listed, ...]) -> tuple[Listed, ...]:
        names = [each.name for each in value]
        if twice := {name for name in names if names.count(name) > 1}:
            msg = f"{min(twice)!r} is listed twice; give each a name of its own"
            raise ValueError(msg)
        return value


TABLES: dict[str, Any] = {
    "": Document,
    "tasks": Tasks,
    "tasks.limits": Limits,
    "commands": Commands,
    "commands.limits": Limits,
    "command": Listed,
    "command.limits": Limits,
    "lint": LintTable,
}
"""Where in the file each table stands."""
