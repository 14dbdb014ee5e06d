"""Text that nobody can read who has the database alone: encrypted with Airflow's Fernet key.

As with Airflow's own connections: without a key it is stored as it is, and after a rotation old keys stay
behind the new one until what they encrypted is gone.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from cryptography.fernet import InvalidToken
from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

if TYPE_CHECKING:
    from sqlalchemy import Dialect

logger = logging.getLogger(__name__)

UNREADABLE = "{}"
"""What stands for a JSON object whose key is gone. Nothing can be run from it: it is refused where it is read."""


class Sealed(TypeDecorator[str]):
    """A column of JSON objects as text."""

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        from airflow.models.crypto import get_fernet

        return None if value is None else get_fernet().encrypt(value.encode()).decode()

    @override
    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        from airflow.models.crypto import get_fernet

        if value is None:
            return None
        with suppress(InvalidToken):
            opened: str = get_fernet().decrypt(value.encode()).decode()
            if opened.startswith("{"):  # without any key what is encrypted comes back as it is
                return opened
        logger.error(
            "The payload of a job was encrypted with a Fernet key that [core] fernet_key does not hold any more; "
            "the job will fail. Keep the old key behind the new one until no job of before is left."
        )
        return UNREADABLE
