"""What tests of several parts need: other Fernet keys than those of all tests, for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

UseKey = Callable[[str], None]


@pytest.fixture
def use_key() -> Iterator[UseKey]:
    """Give a function that makes this process use other Fernet keys, as after a restart.

    All that was derived of them is read again, and at the end once more: what a later test seals or signs with a key
    of this one is good for nothing.
    """
    with pytest.MonkeyPatch.context() as patch:

        def use(written: str) -> None:
            patch.setenv("AIRFLOW__CORE__FERNET_KEY", written)
            _read_again()

        yield use
    _read_again()


def _read_again() -> None:
    from airflow.models import crypto

    from airflow_plugin.queue.hash_keys import hash_keys
    from airflow_plugin.queue.signing_keys import signing_keys

    for each in (hash_keys, signing_keys, crypto.get_fernet):
        each.cache_clear()
