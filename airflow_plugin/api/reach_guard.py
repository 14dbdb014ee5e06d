"""Stands before Airflow's Execution API: what a host's token does not allow, its tasks do not get.

Off until a token has a list of connections or variables or is revoked; then one indexed look-up for each request
below. A task that runs on no agent of ours passes. Whatever is not understood is refused to agents with a list, and
everything below to those whose token was revoked.

==================================================  ====================================================
a task asks                                         it gets it
==================================================  ====================================================
``GET /connections/{id}``                           if its name is allowed
``GET``, ``PUT``, ``DELETE /variables/{key}``       if its name is allowed
``GET /variables/keys``                             not with a list: it tells the names of all of them
``GET /connection-tests/{id}/connection``           if the name of the tested connection is allowed
``PATCH /connection-tests/{id}``                    always: it says how the test ended
anything else below these three                     not with a list
anything below ``/xcoms``                           always
anything else                                       not our business: no secrets flow there
==================================================  ====================================================

Airflow's SDK takes 403 for the last word: the task fails with ``Access denied`` and looks in no other backend.
"""

from __future__ import annotations

import logging
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse
from fastapi.security.utils import get_authorization_scheme_param
from sqlalchemy.exc import SQLAlchemyError

from airflow_plugin.api.transactions import transact
from airflow_plugin.compat import execution_api, workload_of_token
from airflow_plugin.errors import Forbidden
from airflow_plugin.queue import reach
from airflow_plugin.queue.reach import Kind, Reached
from edge_agent.protocol.routes import REFUSED_HEADER

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

EXECUTION = "/execution/"
CERTAIN_SECONDS = 1.0
"""For so long a list that was just made may not count: less than an agent needs to register and take a task."""

_KINDS = {
    "connections": Kind.CONNECTION,
    "connection-tests": Kind.CONNECTION,
    "variables": Kind.VARIABLE,
    "xcoms": Kind.XCOM,
}
_NAMES_ONE = re.compile(
    r"(?:GET connections/(?!.*/)|GET variables/(?!keys\Z)|(?:PUT|DELETE) variables/)(.+)", re.DOTALL
)
_FETCHES_OF_A_TEST = re.compile(r"GET connection-tests/[^/]+/connection")
_ENDS_A_TEST = re.compile(r"PATCH connection-tests/[^/]+")


class ReachGuard:
    """Plain ASGI, around the whole of Airflow's API server: it must cost nothing to what is not its business."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._bounded = False
        self._asked_at = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        reached = reached_by(scope)
        refusal = None if reached is None else await self._refusal(scope, reached)
        await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope, reached: Reached) -> ASGIApp | None:
        """Return the answer to what is not allowed. A database that is away allows nothing."""
        try:
            if not await self._is_on():
                return None
            credentials = [value.decode("latin-1") for key, value in scope["headers"] if key == b"authorization"]
            if not credentials:
                return None  # Airflow says what is missing.
            # The first counts, as it does for Airflow, which adds one of its own where everybody is an admin.
            workload = await workload_of_token(scope["app"], get_authorization_scheme_param(credentials[0])[1])
            if workload is None:
                return _answer(HTTPStatus.FORBIDDEN, "Invalid auth token")
            await transact(lambda session: reach.allow(session, workload, reached))
        except Forbidden as error:
            log.warning("Refused to the task %s: %s", workload, error)
            detail = {"reason": str(error.reason), "message": str(error)}
            return _answer(HTTPStatus.FORBIDDEN, detail, {REFUSED_HEADER: str(error.reason)})
        except SQLAlchemyError as error:
            log.warning("Cannot tell what a task may have: %s", type(error).__name__)
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE, "Airflow's metadata database does not answer.")
        return None

    async def _is_on(self) -> bool:
        if time.monotonic() - self._asked_at > CERTAIN_SECONDS:
            self._bounded = await transact(reach.is_bounded)
            self._asked_at = time.monotonic()
        return self._bounded


def reached_by(scope: Scope) -> Reached | None:
    """Return what a request asks of Airflow's Execution API, None when it is nothing that is guarded."""
    path = _path(scope)
    asked = path.removeprefix(EXECUTION)
    kind = _KINDS.get(asked.partition("/")[0])
    if kind is None or scope["type"] != "http" or not path.startswith(EXECUTION):
        return None
    asked = f"{scope['method']} {asked}"
    if _ENDS_A_TEST.fullmatch(asked):
        return None
    named = _NAMES_ONE.fullmatch(asked)
    return Reached(kind, named[1] if named else None, of_test=bool(_FETCHES_OF_A_TEST.fullmatch(asked)))


async def warn_where_it_does_not_stand() -> None:
    """Say that the lists of tokens do not hold, if Airflow's Execution API is served by other processes."""
    try:
        if execution_api() is None and await transact(reach.is_bounded):
            log.warning(
                "Tokens have lists of connections or variables, or were revoked, and this API server does not serve "
                "the Execution API. What is started with 'airflow api-server --apps execution' loads no plugin: there "
                "lists do not hold, and a task keeps what it had when the token of its host is revoked."
            )
    except SQLAlchemyError:
        log.warning("The metadata database does not answer; whether the lists of tokens hold is not known.")


def _path(scope: Scope) -> str:
    """Return the path as Starlette's mounts see it: without the prefix, if it is one of whole segments."""
    path: str = scope.get("path", "")
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def _answer(status: HTTPStatus, detail: object, headers: dict[str, str] | None = None) -> ASGIApp:
    return JSONResponse({"detail": detail}, status, headers)
