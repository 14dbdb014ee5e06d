"""The distribution, built once, and environments with nothing in them but what it declares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.installed import Built, Environment, built_once, installed


@pytest.fixture(scope="session")
def built() -> Built:
    """Build the distribution."""
    return built_once()


@pytest.fixture(scope="session")
def bare(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Give a host without Airflow: the wheel and what it declares, no extra."""
    with installed(tmp_path_factory.mktemp("bare"), str(built.wheel)) as environment:
        yield environment


@pytest.fixture(scope="session")
def full(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Give an Airflow server that is a host too: the wheel with both extras that users have."""
    with installed(tmp_path_factory.mktemp("full"), f"{built.wheel}[server,tasks]") as environment:
        yield environment
