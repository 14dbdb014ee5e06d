"""The matrix: every route of the queue API, and what each kind of credential gets from it.

A route is of one kind, and a kind says what every credential gets. What is not in here fails the test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from edge_agent.protocol import VERSION_HEADER
from tests.integration.api.conftest import ROLES

NOBODY = ("nothing", "garbage")
UNPROVEN = (
    "an agent token without a proof",
    "an agent token with another host's proof",
    "the agent's session without a proof",
    "the agent's session with another host's proof",
    "the agent's session with a proof of something else",
)
"""Right, and copied: nothing shows that the host asks which they are for."""

OF_AGENTS = (
    "an agent token",
    "an agent token of another name",
    "an expired agent token",
    "a revoked agent token",
    "a submit token",
    "another submit token",
    "an expired submit token",
    "a revoked submit token",
    "the agent's session",
    "another agent's session",
    "an ended session",
    "a session of a revoked token",
    "a made-up session",
    *UNPROVEN,
)
OF_USERS = ("a viewer", "a user", "an op", "an admin")
USERS = dict(zip(OF_USERS, ROLES, strict=True))
"""Who is which."""
CREDENTIALS = (*NOBODY, *OF_AGENTS, *OF_USERS)


def everybody(status: int, **exceptions: int) -> dict[str, int]:
    """Return what everybody gets, but for some; ``an_op=200`` is the op."""
    changed = {name.replace("_s_", "'s ").replace("_", " "): status for name, status in exceptions.items()}
    changed = {name.replace("made up", "made-up"): status for name, status in changed.items()}
    assert set(changed) <= set(CREDENTIALS), set(changed) - set(CREDENTIALS)
    return dict.fromkeys(CREDENTIALS, status) | changed


OPEN = everybody(200)
REGISTERS = everybody(
    401, an_agent_token=200, an_agent_token_of_another_name=403, an_agent_token_with_another_host_s_proof=403
)
SESSION = everybody(
    401,
    the_agent_s_session=200,
    another_agent_s_session=404,
    an_ended_session=409,
    a_session_of_a_revoked_token=409,
    a_made_up_session=409,
)
# To leave a session that has ended is a success, and does nothing.
LEAVES = SESSION | everybody(
    401,
    the_agent_s_session=204,
    another_agent_s_session=404,
    an_ended_session=204,
    a_session_of_a_revoked_token=204,
    a_made_up_session=204,
)
# One of a batch that is another agent's is answered as one that never was; the batch is not refused for it.
BATCH = SESSION | {"another agent's session": 200}
# A command is found with the token that submitted it, and with no other.
SUBMITS = everybody(401, a_submit_token=200, another_submit_token=200)
COMMANDS = SUBMITS | {"another submit token": 404}
# What Airflow's own login cannot read it answers with 403, as it does for all of its routes.
VIEWS = everybody(403, nothing=401, a_viewer=200, a_user=200, an_op=200, an_admin=200)
STEERS = everybody(403, nothing=401, an_op=204, an_admin=204)
ANSWERS = STEERS | {"an op": 200, "an admin": 200}
CREATES = STEERS | {"an op": 201, "an admin": 201}


@dataclass(frozen=True)
class Row:
    """How a route is asked, and what each credential gets. ``{agent}`` and the like are filled in."""

    expected: Mapping[str, int]
    body: dict[str, Any] | bytes | None = None
    params: dict[str, str] = field(default_factory=dict)


BEAT = {"number": 1, "free_slots": 1}
MATRIX: dict[tuple[str, str], Row] = {
    ("GET", "/v1/health"): Row(OPEN),
    ("POST", "/v1/agents/{name}/session"): Row(REGISTERS, {"registration": True}),
    ("POST", "/v1/agents/{name}/check"): Row(REGISTERS, {"registration": True}),
    ("DELETE", "/v1/agents/{name}/session"): Row(LEAVES),
    ("POST", "/v1/agents/{name}/heartbeat"): Row(SESSION, BEAT),
    ("POST", "/v1/agents/{name}/poll"): Row(SESSION, {"free_slots": 0, "wait_seconds": 0}),
    ("POST", "/v1/assignments/confirm"): Row(BATCH, {"assignments": ["{assignment}"]}),
    ("POST", "/v1/assignments/renew"): Row(BATCH, {"assignments": ["{assignment}"]}),
    ("POST", "/v1/assignments/report"): Row(
        BATCH,
        {"endings": [{"assignment_id": "{assignment}", "state": "succeeded", "reason": "exit", "log_bytes": 0}]},
    ),
    ("POST", "/v1/assignments/{assignment_id}/logs"): Row(SESSION, b"a line\n", {"offset": "0"}),
    ("POST", "/v1/commands"): Row(SUBMITS, {"command": "true"}),
    ("POST", "/v1/commands/watch"): Row(SUBMITS, {"commands": [{"id": "{job_id}"}], "wait_seconds": 0}),
    ("GET", "/v1/commands/rights"): Row(SUBMITS),
    ("GET", "/v1/commands/{job_id}"): Row(COMMANDS),
    ("GET", "/v1/commands/{job_id}/logs"): Row(COMMANDS),
    ("GET", "/v1/commands/{job_id}/output"): Row(COMMANDS),
    ("POST", "/v1/commands/{job_id}/cancel"): Row(COMMANDS, {}),
    ("GET", "/v1/ui/me"): Row(VIEWS),
    ("GET", "/v1/ui/agents"): Row(VIEWS),
    ("GET", "/v1/ui/agents/{name}"): Row(VIEWS),
    ("GET", "/v1/ui/agents/{name}/history"): Row(VIEWS),
    ("GET", "/v1/ui/agents/{name}/events"): Row(VIEWS),
    # The files of the page, as those of Airflow's own: a browser fetches them before anybody has logged in.
    ("GET", "/static/{file}"): Row(OPEN),
    ("GET", "/v1/ui/jobs"): Row(VIEWS),
    ("GET", "/v1/ui/jobs/{job_id}"): Row(VIEWS),
    ("GET", "/v1/ui/jobs/{job_id}/log"): Row(VIEWS),
    ("PUT", "/v1/ui/agents/{name}/cordon"): Row(STEERS, {}),
    ("DELETE", "/v1/ui/agents/{name}/cordon"): Row(STEERS),
    ("PUT", "/v1/ui/agents/{name}/drain"): Row(STEERS, {}),
    ("PUT", "/v1/ui/agents/{name}/stop"): Row(STEERS, {}),
    ("PUT", "/v1/ui/agents/{name}/settings"): Row(STEERS, {"slots": 2, "queues": None}),
    ("POST", "/v1/ui/agents/{name}/re-enrol"): Row(STEERS, {}),
    ("DELETE", "/v1/ui/agents/{name}/host-conflict"): Row(STEERS),
    ("DELETE", "/v1/ui/agents/{name}"): Row(ANSWERS),
    ("POST", "/v1/ui/jobs/{job_id}/cancel"): Row(STEERS, {}),
    ("GET", "/v1/ui/tokens"): Row(ANSWERS),
    ("POST", "/v1/ui/tokens"): Row(CREATES, {"name": "{new}"}),
    ("POST", "/v1/ui/tokens/{name}/rotate"): Row(ANSWERS, {}),
    ("DELETE", "/v1/ui/tokens/{name}"): Row(ANSWERS),
}


def ask(
    http: httpx.Client,
    route: tuple[str, str],
    row: Row,
    names: dict[str, str],
    auth: httpx.Auth | None = None,
    **headers: str,
) -> httpx.Response:
    """Ask a route with its body; names are filled in."""
    method, path = route
    for key, value in names.items():
        path = path.replace(f"{{{key}}}", value)
    content = row.body if isinstance(row.body, bytes) else None
    if isinstance(row.body, dict):
        written = json.dumps(row.body)
        for key, value in names.items():
            written = written.replace(f"{{{key}}}", value)
        content = written.encode()
        headers["Content-Type"] = "application/json"
    headers = {VERSION_HEADER: "1", **headers}
    return http.request(method, path, content=content, params=row.params, headers=headers, auth=auth)
