"""Every failure as one shape, :class:`~edge_agent.protocol.Problem`, with the status that fits it."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from airflow_plugin import meters
from airflow_plugin.errors import Conflict, Gap, QueueError, SessionEnded, TooFast
from edge_agent.protocol import Problem, ProblemReason, metrics

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = "2"
_BY_STATUS = {
    HTTPStatus.UNAUTHORIZED: ProblemReason.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: ProblemReason.FORBIDDEN,
    HTTPStatus.NOT_FOUND: ProblemReason.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ProblemReason.TOO_LARGE,
}


def answer(status: int, problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """Word a problem, and count it."""
    meters.count(metrics.REFUSED, problem.reason.value)
    return JSONResponse(problem.model_dump(mode="json", exclude_none=True), status, headers)


def install(app: FastAPI) -> None:
    """Register the handlers; a mounted app does not inherit those of Airflow's root app."""
    app.add_exception_handler(QueueError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _database_away)
    app.add_exception_handler(PoolTimeoutError, _database_away)
    app.add_exception_handler(ProgrammingError, _not_migrated)
    app.add_exception_handler(Exception, _defect)


def _later(error: QueueError) -> dict[str, str] | None:
    """Return when to ask again, as a header, where that may help."""
    if isinstance(error, TooFast):
        return {"Retry-After": str(math.ceil(error.seconds))}
    return {"Retry-After": RETRY_AFTER_SECONDS} if error.status == HTTPStatus.SERVICE_UNAVAILABLE else None


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, QueueError)  # noqa: S101  registered for it
    request.scope["edge_agent.session_ended"] = isinstance(error, SessionEnded)
    problem = Problem(
        reason=error.reason,
        message=str(error),
        state=error.state if isinstance(error, Conflict) else None,
        expected_offset=error.expected_offset if isinstance(error, Gap) else None,
    )
    return answer(error.status, problem, _later(error))


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for it
    # Only where and what: the value itself may be a secret.
    details = "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())
    return answer(HTTPStatus.UNPROCESSABLE_ENTITY, Problem(reason=ProblemReason.INVALID, message=details[:2000]))


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for it
    reason = _BY_STATUS.get(HTTPStatus(error.status_code), ProblemReason.INVALID)
    headers = dict(error.headers) if error.headers else None
    return answer(error.status_code, Problem(reason=reason, message=str(error.detail)), headers)


async def _database_away(request: Request, error: Exception) -> JSONResponse:
    log.warning("The metadata database did not answer %s: %s", request.url.path, _first_line(error))
    message = "Airflow's metadata database does not answer. Nothing was done; ask again."
    problem = Problem(reason=ProblemReason.UNAVAILABLE, message=message)
    return answer(HTTPStatus.SERVICE_UNAVAILABLE, problem, {"Retry-After": RETRY_AFTER_SECONDS})


async def _not_migrated(request: Request, error: Exception) -> JSONResponse:
    log.error("A statement for %s does not fit the tables: %s", request.url.path, _first_line(error))
    message = "The queue's tables are missing or of another version. An admin must run: airflow db migrate"
    problem = Problem(reason=ProblemReason.UNAVAILABLE, message=message)
    return answer(HTTPStatus.SERVICE_UNAVAILABLE, problem, {"Retry-After": RETRY_AFTER_SECONDS})


async def _defect(request: Request, error: Exception) -> JSONResponse:
    # The boundary of a request: whatever it was, the other side gets our shape, and our log the traceback.
    log.error("A defect while answering %s %s", request.method, request.url.path, exc_info=error)
    message = "A defect on the server; its log has the details."
    return answer(HTTPStatus.INTERNAL_SERVER_ERROR, Problem(reason=ProblemReason.INTERNAL, message=message))


def _first_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return next(iter(str(cause).splitlines()), type(cause).__name__)
