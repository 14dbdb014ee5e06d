"""The only imports from Airflow modules that Airflow does not promise to keep.

Everything here is checked against Airflow 3.3; a release that moves something is met in this file.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.api_fastapi.auth.tokens import JWTGenerator, get_signing_args
from airflow.models.base import _get_schema, naming_convention
from airflow.observability import stats
from airflow.utils.db_manager import BaseDBManager
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import UtcDateTime

if TYPE_CHECKING:
    from airflow._shared.logging.remote import RemoteLogIO
    from sqlalchemy import Engine

__all__ = [
    "BaseDBManager",
    "JWTGenerator",
    "UtcDateTime",
    "active_remote_log",
    "create_session",
    "engine",
    "execution_api",
    "naming_convention",
    "replace_remote_log",
    "schema",
    "stats",
    "workload_of_token",
    "workload_token_generator",
]


def schema() -> str | None:
    """Return the database schema Airflow's own tables live in (``[database] sql_alchemy_schema``)."""
    configured: str | None = _get_schema()
    return configured


def engine() -> Engine:
    """Return the engine of Airflow's metadata database in this process.

    :raises RuntimeError: in a process that Airflow keeps away from its database, as it does tasks.
    """
    from airflow import settings

    if settings.engine is None:
        msg = "This process has no metadata database: the queue lives in the API server and the scheduler."
        raise RuntimeError(msg)
    return settings.engine


def execution_api(root: Any = None) -> Any:
    """Return the app of the Execution API that ``root`` or else this process serves, None when it serves none."""
    # Only an API server has this module, and it has made its app by the time that any of its apps starts.
    root = root or getattr(sys.modules.get("airflow.api_fastapi.main"), "app", None)
    mounts = [] if root is None else root.routes
    return next((mount.app for mount in mounts if getattr(mount, "path", None) == "/execution"), None)


async def workload_of_token(root: Any, token: str) -> UUID | None:
    """Return whose token of the Execution API this is, None when it is none that this would accept."""
    from airflow.api_fastapi.auth.tokens import JWTValidator
    from jwt import PyJWTError
    from svcs import Container

    async with Container(execution_api(root).state.svcs_registry) as services:
        validator = await services.aget(JWTValidator)
        try:
            return UUID((await validator.avalidated_claims(token, {}))["sub"])
        except (PyJWTError, LookupError, ValueError, AttributeError, TypeError):
            return None


def workload_token_generator() -> JWTGenerator:
    """Return a generator that signs as Airflow's Execution API does, from the same configuration."""
    from airflow.configuration import conf

    return JWTGenerator(
        valid_for=conf.getint("execution_api", "jwt_expiration_time"),
        audience=conf.get_mandatory_list_value("execution_api", "jwt_audience")[0],
        issuer=conf.get("api_auth", "jwt_issuer", fallback=None),
        **get_signing_args(make_secret_key_if_needed=False),
    )


def active_remote_log() -> RemoteLogIO | None:
    """Return the remote log handler this process reads finished task logs with, if one is configured."""
    from airflow.logging_config import get_remote_task_log

    return get_remote_task_log()


def replace_remote_log(handler: RemoteLogIO) -> None:
    """Make ``handler`` the one this process reads finished task logs with."""
    from airflow.logging_config import _ActiveLoggingConfig, get_default_remote_conn_id

    _ActiveLoggingConfig.set(handler, get_default_remote_conn_id())
