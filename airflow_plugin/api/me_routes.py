"""What the page needs to know of whoever looks at it, and of the Airflow it is in."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select

from airflow_plugin import bundle, clock
from airflow_plugin.api.auth import may_view, user_may_grant, user_may_steer
from airflow_plugin.api.transactions import transact
from edge_agent import __version__
from edge_agent.protocol import Problem

if TYPE_CHECKING:
    from sqlalchemy.orm import Session as DatabaseSession


class Me(BaseModel):
    """Who looks, and what that one may."""

    user: str
    may_steer: bool = Field(description="Whether agents and jobs may be steered.")
    may_grant: bool = Field(description="Whether tokens may be seen and made.")
    server_time: datetime
    version: str = Field(description="Of airflow-edge-agent in this Airflow.")
    base_url_path: str = Field(description='Path of [api] base_url: "", or as "/airflow".')
    docs_url: str | None = Field(description="Where the documentation is, if the package says so.")


def router() -> APIRouter:
    """Return the route ``/ui/me``."""
    routes = APIRouter(prefix="/ui", tags=["ui"], responses={"4XX": {"model": Problem}})

    @routes.get("/me", dependencies=[may_view()])
    async def me(user: GetUserDep) -> Me:
        """Who asks and may do what, and what the page must know of this Airflow."""

        def work(session: DatabaseSession) -> Me:
            return Me(
                user=user.get_name(),
                may_steer=user_may_steer(user),
                may_grant=user_may_grant(user),
                server_time=session.scalars(select(clock.now())).one(),
                version=__version__,
                base_url_path=bundle.base_path(),
                docs_url=_docs_url(),
            )

        return await transact(work)

    return routes


def _docs_url() -> str | None:
    try:
        urls = metadata("airflow-edge-agent").get_all("Project-URL") or []
    except PackageNotFoundError:
        return None
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation")
