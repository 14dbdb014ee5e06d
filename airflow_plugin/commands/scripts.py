"""Commands that are the names of files beside the Dag: their content is what is run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from airflow.sdk.definitions._internal.templater import Templater

from edge_agent.protocol.shells import Shell

_SHELLS = {".sh": None, ".bash": Shell.BASH, ".ps1": Shell.PWSH}
_FILE = re.compile(r"[\w.-][^\s$'\"{|;&<>]*(\.sh|\.bash|\.ps1)")


def is_script(command: object) -> bool:
    """Whether a command is the name of a file beside the Dag.

    It is one word that ends as scripts do and begins neither with ``/`` nor ``./`` nor ``~``: that is a file on the
    host, like any word behind another (``sh run.sh``).
    """
    return isinstance(command, str) and not command.startswith("./") and _FILE.fullmatch(command) is not None


def shell_of(command: object) -> str | None:
    """Return the shell that a script is for, by its name; None where it is that of any text."""
    if not isinstance(command, str) or not is_script(command):
        return None
    return _SHELLS["." + command.rpartition(".")[2]]


class Scripted(Templater):
    """An operator whose commands may be the names of scripts."""

    command: Any
    commands: Any

    def resolve_template_files(self) -> None:
        """Read scripts when the Dag is read, so that Airflow shows their content."""
        if any(is_script(each) for each in _lines(self.command, self.commands)):
            environment = self.get_template_env()
            self.command = _read(environment, self.command)
            self.commands = _read_each(environment, self.commands)
        self.prepare_template()

    def render_template(
        self, content: Any, context: Any, jinja_env: Any = None, seen_oids: set[int] | None = None
    ) -> Any:
        """Render a template, a script's content where it names one.

        :raises jinja2.TemplateNotFound: when there is no such script.
        """
        environment = jinja_env or self.get_template_env()
        if content is not None and content is self.command:
            content = _read(environment, content, must_exist=True)
        elif content is not None and content is self.commands:
            content = _read_each(environment, content, must_exist=True)
        return super().render_template(content, context, environment, seen_oids)


def with_shells(commands: Any) -> Any:
    """Return several commands as they are written, those that are scripts of another shell with it."""
    if isinstance(commands, str | Mapping) or not isinstance(commands, Sequence):
        return commands
    return [_with_shell(each) for each in commands]


def _with_shell(written: Any) -> Any:
    own = dict(written) if isinstance(written, Mapping) else {"command": written}
    shell = shell_of(own.get("command"))
    return written if shell is None or own.get("shell") else own | {"shell": shell}


def _lines(command: Any, commands: Any) -> list[Any]:
    several = commands if isinstance(commands, list) else []
    return [command, *(each.get("command") if isinstance(each, Mapping) else each for each in several)]


def _read(environment: jinja2.Environment, command: Any, *, must_exist: bool = False) -> Any:
    """Return a command, or the content of the script it names.

    :raises jinja2.TemplateNotFound: when there is no such script, and there must be.
    """
    if not is_script(command) or environment.loader is None:
        return command
    try:
        return environment.loader.get_source(environment, command)[0]
    except jinja2.TemplateNotFound:
        if must_exist:
            raise
        return command


def _read_each(environment: jinja2.Environment, commands: Any, *, must_exist: bool = False) -> Any:
    """Return several commands, with the content of the scripts they name."""
    if not isinstance(commands, list):
        return commands
    return [_read_one(environment, each, must_exist=must_exist) for each in commands]


def _read_one(environment: jinja2.Environment, written: Any, *, must_exist: bool) -> Any:
    if not isinstance(written, Mapping):
        return _read(environment, written, must_exist=must_exist)
    if "command" not in written:  # the words of an operator of another shape
        return written
    return {**written, "command": _read(environment, written["command"], must_exist=must_exist)}
