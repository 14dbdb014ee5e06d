"""Environments with nothing in them but what the distribution declares.

The versions are those of the lock, which `make setup` has left in uv's cache: an environment takes
seconds and, as long as the cache holds, no network.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.process import MACHINE_ENVIRONMENT, clean_environment, program

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


@dataclass(frozen=True)
class Built:
    """The two files a release consists of."""

    sdist: Path
    wheel: Path


def build(out: Path) -> Built:
    """Build the source distribution, and the wheel out of it."""
    uv("build", "--quiet", "--no-build-isolation", "--python", program("python"), "--out-dir", out, ROOT)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return Built(sdist, wheel)


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
        yield environment
