"""The files of the page: its bundle and its icons.

The one part of the API besides ``/health`` that asks for no login, as Airflow serves the files of its own UI and of
every plugin: a browser fetches them by a ``<script>`` or an ``<img>``, they hold nothing but this release's code,
and whoever wants that has it from the package. There is a list of what is served, so that no path leads elsewhere.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from airflow_plugin import bundle
from airflow_plugin.errors import NotFound
from edge_agent.protocol import Problem

TYPES = {".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
"""Said here and not looked up: what the machine knows of file names is its own affair."""

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
"""What another release of this API server's neighbours may answer to the same address is not kept for good."""

Version = Annotated[str | None, Query(max_length=64, description="Which content is meant.")]


def router() -> APIRouter:
    """Return the route of the files."""
    routes = APIRouter(prefix=bundle.STATIC, tags=["page"], responses={"4XX": {"model": Problem}})
    folders = {name: StaticFiles(directory=path.parent, check_dir=False) for name, path in bundle.FILES.items()}

    @routes.get("/{file}", response_class=Response, responses=_ANSWERS)
    async def static(request: Request, file: str, v: Version = None) -> Response:
        """A file of the page in Airflow's UI; needs no login. With its version in the address it is kept for good."""
        if file not in folders:
            msg = "There is no such file."
            raise NotFound(msg)
        try:
            answer = await folders[file].get_response(file, request.scope)
        except HTTPException:
            msg = f"{file} is not there: the bundle of the page was not built."
            raise NotFound(msg) from None
        is_this_one = v is not None and v == await run_in_threadpool(bundle.version, file)
        answer.headers["Cache-Control"] = FOR_EVER if is_this_one else ASK_AGAIN
        answer.headers["Content-Type"] = TYPES[PurePath(file).suffix]
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    return routes


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {kind: {} for kind in TYPES.values()}},
    304: {"description": "It is the one that is there already."},
}
