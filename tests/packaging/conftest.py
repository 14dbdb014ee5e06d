"""The distribution, built once, and environments with nothing in them but what it declares.

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


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the source distribution, and the wheel out of it."""
    out = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--no-build-isolation", "--python", program("python"), "--out-dir", out, ROOT)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="session")
def bare(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Give a host without Airflow: the wheel and what it declares, no extra."""
    with _installed(tmp_path_factory.mktemp("bare"), str(built.wheel)) as environment:
        yield environment


@pytest.fixture(scope="session")
def full(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Give an Airflow server that is a host too: the wheel with both extras that users have."""
    with _installed(tmp_path_factory.mktemp("full"), f"{built.wheel}[server,tasks]") as environment:
        yield environment


@contextmanager
def _installed(home: Path, what: str) -> Iterator[Environment]:
    environment = Environment(home)
    python = environment.bin / "python"
    uv("venv", "--quiet", "--python", program("python"), home / "venv")
    lock = ROOT / "requirements" / "dev.txt"
    uv("pip", "install", "--quiet", "--python", python, "--constraints", lock, what)
    yield environment
    shutil.rmtree(environment.home / "venv")  # Pytest keeps the last runs: not hundreds of megabytes.
