"""The Fernet key of every Airflow in the tests, as the processes of one deployment share theirs."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode


def new_fernet_key() -> str:
    """Return another one."""
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


FERNET_KEY = urlsafe_b64encode(b"the Fernet key of all the tests!").decode()
