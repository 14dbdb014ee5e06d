"""What this package logs in Airflow's processes: no secret, whatever way it comes."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from airflow_plugin import log_filter
from edge_agent.protocol.secrets import KINDS, REDACTED

SECRETS = [
    *(f"{kind}_0123456789ab_abcdefghijklmnopqrstuvwxyz" for kind in KINDS),
    "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
]
ours = logging.getLogger("airflow_plugin.planting")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Give what a handler of Airflow's writes, once the filter is in place; it is put there twice."""
    root, stream = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(stream)
    root.addHandler(handler)
    before = {each: list(each.filters) for each in root.handlers}
    log_filter.install()
    log_filter.install()
    assert len(handler.filters) == 1
    yield stream
    root.removeHandler(handler)
    for each, filters in before.items():
        each.filters[:] = filters


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_is_written(written: io.StringIO, secret: str):
    ours.warning("With %s, %s and %s", secret, {"token": secret}, f"Bearer {secret}")
    try:
        raise RuntimeError(secret)
    except RuntimeError:
        ours.exception("It failed with %s.", secret)
    assert secret not in written.getvalue()
    assert written.getvalue().count(REDACTED) == 5
    assert "RuntimeError" in written.getvalue()


def test_everything_else_is_written_as_it_was(written: io.StringIO):
    ours.warning("Job %s of eat_x.", 7)
    logging.getLogger("another").warning("With %s", SECRETS[0])
    try:
        raise RuntimeError("nothing secret")
    except RuntimeError:
        ours.exception("It failed.")
    assert "Job 7 of eat_x.\n" in written.getvalue()
    assert SECRETS[0] in written.getvalue(), "other packages' lines are theirs"
    assert 'raise RuntimeError("nothing secret")' in written.getvalue()
