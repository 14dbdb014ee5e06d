"""A page of the docs, followed by somebody who does what it says: installs, writes files, types commands.

What differs from the page is what ``elsewhere`` says: addresses and paths that a test cannot have. All else is typed
as it is printed.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.shell import Command
from tests.support.process import Process


@dataclass
class Place:
    """A shell on some machine. ``environment`` is what its commands see; ``export`` changes it."""

    home: Path
    environment: dict[str, str]
    elsewhere: Mapping[str, str]
    started: list[Process] = field(default_factory=list)

    def here(self, text: str) -> str:
        """Return a text with the names and paths that are right for this test."""
        for printed, real in self.elsewhere.items():
            text = text.replace(printed, real)
        return text

    def write(self, path: str, text: str) -> None:
        """Write a file of the page, by its path there. Directories must be there."""
        Path(self.here(path)).write_text(self.here(text), encoding="utf-8")

    def type(self, command: Command, answer: str = "") -> str:
        """Run a command to its end, and return what it wrote. ``answer``: what is typed into it.

        :raises AssertionError: with all it wrote, when it fails.
        """
        text = self.here(command.text)
        if command.begins("export"):
            self.environment |= dict(word.split("=", 1) for word in shlex.split(text)[1:])
            return ""
        done = subprocess.run(
            ["bash", "-c", text],
            input=answer,
            check=False,
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, command: Command) -> Process:
        """Start a command that goes on until it is stopped."""
        name = "-".join(command.words[:2])
        shell = ["bash", "-c", f"exec {self.here(command.text)}"]
        log = self.home / f"{name}.log"
        self.started.append(Process(name, shell, environment=self.environment, log=log, cwd=self.home))
        return self.started[-1].start()

    def end(self) -> None:
        """Leave nothing running."""
        for each in self.started:
            each.kill_family()
