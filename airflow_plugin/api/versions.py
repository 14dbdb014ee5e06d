"""The version header, both ways: refused when it is missing or unknown, sent with every answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from airflow_plugin.api.bodies import header
from airflow_plugin.api.problems import answer
from edge_agent.protocol import PROTOCOL_VERSION, SUPPORTED_VERSIONS, VERSION_HEADER, Problem, ProblemReason

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

AGENT_PATHS = ("/agents/", "/assignments/")
_NAME = VERSION_HEADER.lower().encode()
_SPOKEN = {str(version).encode() for version in SUPPORTED_VERSIONS}


class VersionHeader:
    """Plain ASGI, so that it costs nothing and a held poll is not wrapped in another task."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._paths = tuple(prefix + path for path in AGENT_PATHS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_version(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = (_NAME, str(PROTOCOL_VERSION).encode())
                message["headers"] = [*message.get("headers", ()), answered]
            await send(message)

        if self._is_for_agents(scope) and header(scope, _NAME) not in _SPOKEN:
            await answer(HTTPStatus.UPGRADE_REQUIRED, _problem())(scope, receive, send_with_version)
        else:
            await self._app(scope, receive, send_with_version)

    def _is_for_agents(self, scope: Scope) -> bool:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        return path.startswith(self._paths)


def _problem() -> Problem:
    spoken = ", ".join(str(version) for version in sorted(SUPPORTED_VERSIONS))
    return Problem(
        reason=ProblemReason.VERSION,
        message=(
            f"This Airflow speaks version {spoken} of the agent protocol (header {VERSION_HEADER}). "
            "Upgrade the older side: Airflow first, then the agents."
        ),
    )
