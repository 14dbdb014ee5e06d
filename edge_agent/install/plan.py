"""Which steps make an agent of a host. Nothing is done here: what would be refused is refused before the first step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from edge_agent.errors import CannotInstall, SettingsError
from edge_agent.install import contents, other_managers, settings_file, soundness, systemd
from edge_agent.install.host import Host
from edge_agent.install.layout import POLICY, Layout
from edge_agent.install.owned import MakeFolder, WriteFile
from edge_agent.install.record import Record
from edge_agent.install.steps import MakeUser, Remove, Run, Step
from edge_agent.install.systemd import Sandbox
from edge_agent.install.wishes import Wishes, layout_of, plain, program_of, sandbox_of, user_of
from edge_agent.settings import AgentSettings

ReadToken = Callable[[bool], SecretStr | None]
"""Asks for the token; told whether there has to be one."""

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Plan:
    """Steps for a host.

    ``record``: what is noted about them; None: they take the record away. ``notes``: to be read afterwards.
    """

    host: Host
    layout: Layout
    steps: Sequence[Step]
    record: Record | None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class _Agent:
    """What the agent is going to be. ``settings``: None while some are missing."""

    host: Host
    layout: Layout
    wishes: Wishes
    user: str
    is_new_user: bool
    sandbox: Sandbox
    program: Path
    text: str
    content: dict[str, Any]
    settings: AgentSettings | None

    @property
    def state_dir(self) -> Path:
        return plain(Path(self.content["state_dir"]), "state_dir")

    @property
    def drain_seconds(self) -> float:
        default: float = AgentSettings.model_fields["drain_timeout_seconds"].default
        return self.settings.drain_timeout_seconds if self.settings else default

    @property
    def keeps_token_here(self) -> bool:
        return bool(self.content.get("token_file") == str(self.layout.token))


def make(wishes: Wishes, host: Host, read_token: ReadToken) -> Plan:
    """Return the plan for what was asked for.

    :raises SettingsError: when something of it is wrong; names the option or the setting.
    :raises CannotInstall: when the host is not fit for it; says what to do.
    """
    layout = layout_of(wishes.instance)
    before = Record.read(host, layout) or Record()
    agent = _agent(wishes, host, layout, before)
    soundness.check_state_dir(host, agent.state_dir, agent.user)
    soundness.check_neighbours(host, layout, agent.content)
    steps = [*_places(agent), *_files(agent, read_token), *(_unit(agent) if host.has_systemd else _start(agent))]
    for step in steps:
        soundness.check_place(host, step)
    if wishes.start:
        soundness.check_nobody_else_runs(host, layout, agent.state_dir)
    record = Record(
        made=before.made, user=agent.user, sandbox=agent.sandbox, state_dir=str(agent.state_dir), is_finished=True
    )
    return Plan(host, layout, [*steps, *_service(agent)], record, notes=list(_notes(agent)))


def _agent(wishes: Wishes, host: Host, layout: Layout, before: Record) -> _Agent:
    user, is_new_user = user_of(wishes, host, before.user)
    sandbox = sandbox_of(wishes, user, before.sandbox)
    program = program_of(wishes, host, user)
    text, content = _settings(wishes, host, layout)
    absent = settings_file.missing(content)
    if absent and host.is_live:
        msg = f"{layout.settings} lacks {' and '.join(absent)}: give {', '.join('--' + name for name in absent)}"
        raise SettingsError(msg)
    settings = None if absent else settings_file.judge(content)
    return _Agent(host, layout, wishes, user, is_new_user, sandbox, program, text, content, settings)


def _settings(wishes: Wishes, host: Host, layout: Layout) -> tuple[str, dict[str, Any]]:
    """Return the settings file as it is to be, and what stands in it."""
    file = host.place(layout.settings)
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else settings_file.HEAD
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file} cannot be read: {error}"
        raise CannotInstall(msg) from error
    values: dict[str, settings_file.Value] = dict(wishes.settings)
    is_written = settings_file.parse(text, layout.settings)
    if not {"token", "token_file"} & {*is_written}:
        values["token_file"] = str(layout.token)
    if not {"state_dir"} & {*is_written, *values}:
        values["state_dir"] = str(layout.state_dir)
    if layout.instance is not None and not {"name"} & {*is_written, *values}:
        msg = "--instance: give --name, too; two agents of one host cannot both have the host's name"
        raise SettingsError(msg)
    text = settings_file.with_values(text, values, layout.settings)
    content = settings_file.parse(text, layout.settings)
    return settings_file.with_examples(text, settings_file.missing(content)), content


def _places(agent: _Agent) -> Iterator[Step]:
    if agent.is_new_user:
        yield MakeUser(agent.user, agent.state_dir)
    yield MakeFolder(agent.layout.folder, 0o755)
    yield MakeFolder(agent.state_dir, 0o700, owner=agent.user)
    if not agent.host.has_systemd:
        # Root's: logrotate trusts no other's. Who opens the log there is root, or finds it made (OpenRC).
        yield MakeFolder(agent.layout.log_folder, 0o750, group_of=agent.user)


def _files(agent: _Agent, read_token: ReadToken) -> Iterator[Step]:
    layout, user = agent.layout, agent.user
    yield WriteFile(layout.settings, 0o640, group_of=user, content=agent.text)
    # systemd reads it as root and needs nobody's help. A shell reads it as the agent's user.
    mode, group_of = (0o600, None) if agent.host.has_systemd else (0o640, user)
    environment = contents.environment(agent.state_dir)
    yield WriteFile(layout.environment, mode, group_of=group_of, content=environment, once=True)
    if "policy_file" not in agent.content and not agent.host.place(POLICY).exists():
        yield WriteFile(POLICY, 0o644, content=contents.POLICY, once=True)
    if agent.keeps_token_here and (content := _token(agent, read_token)) is not None:
        yield WriteFile(layout.token, 0o600, owner=user, content=content)
    elif agent.keeps_token_here and agent.host.place(layout.token).exists():
        yield WriteFile(layout.token, 0o600, owner=user, content=None)


def _token(agent: _Agent, read_token: ReadToken) -> SecretStr | None:
    """Return the token that is to be written; None: the one that is there stays, or a package brings none."""
    is_needed = agent.host.is_live and not agent.host.place(agent.layout.token).exists()
    token = read_token(is_needed)
    if token is None and is_needed:
        msg = (
            "There is no token yet: give --token-file, or the token on standard input. An admin makes one with: "
            "airflow edge-agent tokens create"
        )
        raise SettingsError(msg)
    return token


def _unit(agent: _Agent) -> Iterator[Step]:
    layout = agent.layout
    unit = systemd.Unit(
        layout,
        user=agent.user,
        group=agent.host.group_of(agent.user),
        program=agent.program,
        state_dir=agent.state_dir,
        drain_seconds=agent.drain_seconds,
        sandbox=agent.sandbox,
    )
    yield WriteFile(layout.unit_file, 0o644, content=unit.text)
    if agent.sandbox is Sandbox.COMMANDS:
        yield WriteFile(layout.drop_in, 0o644, content=systemd.commands_only())
    elif agent.host.place(layout.drop_in).exists():
        yield Remove(layout.drop_in)
        yield Remove(layout.drop_in.parent, if_empty=True)


def _start(agent: _Agent) -> Iterator[Step]:
    """Return what other service managers need."""
    script = other_managers.start_script(agent.layout, agent.program)
    yield WriteFile(agent.layout.start, 0o755, content=script)
    yield WriteFile(agent.layout.rotation, 0o644, content=other_managers.rotation(agent.layout))


def _service(agent: _Agent) -> Iterator[Step]:
    host, unit = agent.host, agent.layout.unit
    if host.is_live and host.has_systemd:
        yield Run(tuple(host.systemctl("daemon-reload")), "systemd reads its units", after_change=True)
    if agent.wishes.check:
        yield _check(agent)
    if not (agent.wishes.start and host.has_systemd and (host.is_live or host.has("systemctl"))):
        return
    enabled = tuple(host.systemctl("is-enabled", "--quiet", unit))
    yield Run(tuple(host.systemctl("enable", "--quiet", unit)), f"{unit} starts with the host", unless=enabled)
    if not host.is_live:
        return
    if host.is_active(unit):
        # It drains first, for an hour if work is there: nobody waits for that here.
        words = host.systemctl("restart", "--no-block", unit)
        yield Run(tuple(words), f"{unit} restarts when it has drained; what runs lives on", after_change=True)
    else:
        yield Run(tuple(host.systemctl("start", unit)), f"{unit} starts")


def _check(agent: _Agent) -> Step:
    """Return the agent's own look at everything, as its user and with its environment."""
    layout = agent.layout
    runs = f"exec runuser -u {agent.user} -- {agent.program} check --config {layout.settings}"
    words = ("env", "-i", PATH, "LANG=C.UTF-8", "sh", "-c", f"set -a; . {layout.environment}; {runs}")
    return Run(words, "what the agent says of all this", changes=False)


def _notes(agent: _Agent) -> Iterator[str]:
    host, layout = agent.host, agent.layout
    if agent.is_new_user is False and not host.knows_users() and agent.user != "root":
        yield f"No user was made below {host.root}: {agent.user} has to be there before the agent starts."
    if agent.keeps_token_here and not host.is_live and not host.place(layout.token).exists():
        yield f"The token goes to {layout.token}, owner {agent.user}, mode 0600."
    if agent.settings is None:
        yield f"{layout.settings} is to be completed before the agent starts."
    if host.has_systemd:
        yield f"Its log is in the journal, which rotates by itself: journalctl -u {layout.unit}"
        if not agent.wishes.start:
            yield f"Not started. When all is set: systemctl enable --now {layout.unit}"
    else:
        service = other_managers.Service(layout, agent.user, agent.program, agent.drain_seconds)
        yield other_managers.in_words(service)
