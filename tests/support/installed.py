"""Environments with nothing in them but what the distribution declares.

The versions are those of the lock, which `make setup` has left in uv's cache: an environment takes
seconds and, as long as the cache holds, no network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.process import MACHINE_ENVIRONMENT, clean_environment, program
from tests.support.together import made_once

ROOT = Path(__file__).parents[2]


def uv(*arguments: str | Path) -> None:
    """Run uv as the machine is configured for it, out of its cache where that is enough.

    Fails the test with what it wrote, when it fails.
    """
    command = [program("uv"), *map(str, arguments)]
    for network in (["--offline"], []):
        done = subprocess.run(
            command + network,
            check=False,
            cwd=ROOT,
            env=MACHINE_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            return
    pytest.fail(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")


@dataclass(frozen=True)
class Environment:
    """A virtual environment of its own, run with nothing of ours in its environment variables."""

    home: Path

    @property
    def bin(self) -> Path:
        """Where its programs are."""
        return self.home / "venv" / "bin"

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs in an empty directory; say nothing of how it ended."""
        variables = clean_environment(self.home, AIRFLOW_HOME=str(self.home / "airflow"), PATH=str(self.bin))
        return subprocess.run(
            [self.bin / name, *arguments],
            check=False,
            cwd=self.home,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def pip(self, *words: str, dist: Path) -> None:
        """Run pip with these words, as uv does; what was built is in ``dist``, and other versions are the lock's.

        Fails the test with what it wrote, when it fails.
        """
        verb, *what = words
        python, lock = self.bin / "python", ROOT / "requirements" / "dev.txt"
        uv("pip", verb, "--quiet", "--python", python, "--constraints", lock, "--find-links", dist, *what)

    def python(self, code: str) -> str:
        """Run a piece of Python and return what it printed.

        :raises AssertionError: with all it wrote, when it fails.
        """
        done = self.run("python", "-c", code)
        assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
        return done.stdout

    def take_what_is_compiled(self) -> None:
        """Link what Python has compiled of the same files in the environment of this run: else it does so anew.

        uv links the files of all environments, so that they are as old everywhere, which is what Python looks at.
        """
        ours = Path(sysconfig.get_path("purelib"))
        (theirs,) = self.home.glob("venv/lib/python*/site-packages")
        for path, _, names in os.walk(theirs):
            here, there = Path(path), ours / Path(path).relative_to(theirs)
            sources = {name.removesuffix(".py") for name in names if name.endswith(".py")}
            compiled = [file for file in there.glob("__pycache__/*.pyc") if file.name.partition(".")[0] in sources]
            if compiled and _same(here, there, f"{compiled[0].name.partition('.')[0]}.py"):
                (here / "__pycache__").mkdir(exist_ok=True)
                for file in compiled:
                    (here / "__pycache__" / file.name).hardlink_to(file)


@dataclass(frozen=True)
class Built:
    """The two files a release consists of."""

    sdist: Path
    wheel: Path


def build(out: Path) -> Built:
    """Build the source distribution, and the wheel out of it."""
    _build(out)
    return _built_in(out)


def _build(out: Path) -> None:
    uv("build", "--quiet", "--no-build-isolation", "--python", program("python"), "--out-dir", out, ROOT)


def built_once() -> Built:
    """Return what :func:`build` builds, once for all processes of this run. Nobody may change it."""
    return _built_in(made_once("dist", _build))


@contextmanager
def empty(home: Path) -> Iterator[Environment]:
    """Give an environment with nothing in it."""
    uv("venv", "--quiet", "--python", program("python"), home / "venv")
    yield Environment(home)
    shutil.rmtree(home / "venv")  # Pytest keeps the last runs: not hundreds of megabytes.


@contextmanager
def installed(home: Path, what: str) -> Iterator[Environment]:
    """Give an environment with a wheel and what it declares; ``what``: its path, and the extras."""
    with empty(home) as environment:
        environment.pip("install", what, dist=home)
        environment.take_what_is_compiled()
        yield environment


def _built_in(folder: Path) -> Built:
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Built(sdist, wheel)


def _same(one: Path, other: Path, name: str) -> bool:
    """Whether a file of this name is in both folders, and is one file."""
    return (other / name).exists() and (one / name).samefile(other / name)
