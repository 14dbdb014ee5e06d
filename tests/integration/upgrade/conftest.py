"""The release before this one, and this one as it will be published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.installed import Environment, built_once, installed
from tests.support.releases import Release, previous

Installed = Callable[[str], Environment]


@pytest.fixture(scope="session")
def before() -> Release:
    """Give the release before this one."""
    return previous()


@pytest.fixture(scope="session")
def before_code(before: Release, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Give the environment variables with which an Airflow runs the release before."""
    return before.unpacked(tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="session")
def wheels(before: Release) -> Mapping[str, Path]:
    """Give the wheels of both releases: ``before`` and ``now``."""
    return {"before": before.wheel, "now": built_once().wheel}


@pytest.fixture
def install(wheels: Mapping[str, Path], tmp_path: Path) -> Iterator[Installed]:
    """Give a function that installs a release, ``before`` or ``now``, on one more host without Airflow."""
    with ExitStack() as stack:
        made = iter(range(1, 100))

        def on_a_host(which: str) -> Environment:
            return stack.enter_context(installed(tmp_path / f"host-{next(made)}", str(wheels[which])))

        yield on_a_host
