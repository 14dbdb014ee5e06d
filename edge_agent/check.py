"""What would keep the agent from working, said before anything runs.

Creates the state directory, and changes nothing else, here or there.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from pydantic import SecretStr

from edge_agent.capabilities import detect_capabilities, detect_kinds, detect_versions
from edge_agent.client import QueueClient
from edge_agent.configuration import misspelt
from edge_agent.diagnosis import explain, explain_refusal
from edge_agent.errors import AgentError, CannotStart, ForeignServer, PolicyError, ProblemAnswer, QueueApiError
from edge_agent.findings import Finding, Level
from edge_agent.host_key import HostKey
from edge_agent.kept import MEGABYTE
from edge_agent.policy.policy import Policy
from edge_agent.protocol import VERSION_HEADER, JobKind, Registration, ServerKey, one_line, routes
from edge_agent.server_keys import UNSIGNED, ServerKeys
from edge_agent.settings import AgentSettings
from edge_agent.spool import LEAST_FREE_BYTES
from edge_agent.state_dir import StateDir
from edge_agent.status.display import check_listening
from edge_agent.tmux_server import TmuxServer
from edge_agent.transport import open_http, proxy_in_words

NOTABLE_SKEW_SECONDS = 5.0

AIRFLOW_SECONDS = 120.0
"""How long Airflow may take to say where its Dags are: 5 s on a quiet machine."""


async def check(settings: AgentSettings) -> AsyncIterator[Finding]:
    """Look at disk, tmux, policy, token, address, registration, clock and Dags, each only where it can be told."""
    state_dir = StateDir(settings.state_dir)
    tmux = _tmux(TmuxServer(state_dir.tmux), is_needed=settings.runner == "tmux")
    disk = _disk(state_dir, settings.spool_megabytes * MEGABYTE)
    for finding in (*_settings(settings), *disk, *_probes(settings, state_dir), tmux):
        yield finding
    kinds, findings = _policy(settings)
    for finding in findings:
        yield finding
    if not kinds:
        return
    try:
        token = settings.read_token()
        async with open_http(settings) as http:
            # Without a key yet, one that is not kept: the agent makes its own, and that is as good as this one.
            client = QueueClient(http, settings.name, HostKey.read(state_dir.host_key) or HostKey.fresh())
            async for finding in _server(http, client, settings, token, kinds):
                yield finding
    except AgentError as error:  # a token, key or authority file that cannot be read
        yield Finding(Level.FAIL, "settings", str(error))
    for finding in _tasks(settings, kinds):
        yield finding


def _settings(settings: AgentSettings) -> Iterator[Finding]:
    for sentence in (*misspelt(), *settings.exposed()):
        yield Finding(Level.NOTE, "settings", sentence)
    if proxy := proxy_in_words(settings):
        yield Finding(Level.NOTE, "proxy", f"goes through {proxy}")


def _policy(settings: AgentSettings) -> tuple[tuple[JobKind, ...], list[Finding]]:
    """Return what may run here, nothing if the agent would not start, and what there is to say about it."""
    findings: list[Finding] = []
    able = detect_kinds(settings)
    try:
        policy = Policy.of(settings)
        for is_well, text in policy.findings(able):
            findings.append(Finding(Level.OK if is_well else Level.NOTE, "policy", text))
        return policy.kinds(able, is_asked=settings.kinds != "auto"), findings
    except PolicyError as error:
        return (), [*findings, Finding(Level.FAIL, "policy", str(error))]


def _disk(state_dir: StateDir, spool_bytes: float) -> Iterator[Finding]:
    try:
        state_dir.prepare()
        free_bytes = state_dir.free_bytes()
    except (AgentError, OSError) as error:
        yield Finding(Level.FAIL, "disk", str(error))
        return
    free = f"{free_bytes // MEGABYTE} MB free in {state_dir.path}"
    if free_bytes < LEAST_FREE_BYTES:
        yield Finding(Level.FAIL, "disk", f"only {free}; make room, logs and results wait there")
    else:
        yield Finding(Level.OK, "disk", free)
    if LEAST_FREE_BYTES <= free_bytes < spool_bytes:
        text = (
            f"logs may take {spool_bytes / MEGABYTE:.0f} MB while Airflow is away (EDGE_AGENT_SPOOL_MEGABYTES), and "
            "jobs wait when the disk is full; make room, or lower it"
        )
        yield Finding(Level.NOTE, "disk", text)
    if holder := state_dir.holder():
        yield Finding(Level.NOTE, "disk", f"{holder} runs with it now")


def _probes(settings: AgentSettings, state_dir: StateDir) -> Iterator[Finding]:
    if settings.health_address is None:
        return
    try:
        check_listening(settings, state_dir)
        yield Finding(Level.OK, "probes", f"are answered on {settings.health_address}")
    except AgentError as error:
        yield Finding(Level.FAIL, "probes", str(error))


def _tmux(server: TmuxServer, *, is_needed: bool) -> Finding:
    try:
        server.check()
    except CannotStart as error:
        if is_needed:
            return Finding(Level.FAIL, "tmux", f"{error} Without it an agent with EDGE_AGENT_RUNNER=tmux takes no work")
        return Finding(Level.NOTE, "tmux", f"{error} Jobs that ask for it go to other agents")
    return Finding(Level.OK, "tmux", "jobs run in it unless they name another" if is_needed else "jobs may ask for it")


async def _server(
    http: httpx.AsyncClient,
    client: QueueClient,
    settings: AgentSettings,
    token: SecretStr,
    kinds: tuple[JobKind, ...],
) -> AsyncIterator[Finding]:
    address = await _address(http, settings.url)
    yield address
    if address.level is Level.FAIL:
        return
    try:
        began = datetime.now(UTC)
        checked = await client.check(token, _registration(settings, kinds))
        ended = datetime.now(UTC)
    except ProblemAnswer as error:
        yield Finding(Level.FAIL, "registration", f"refused: {error}")
    except QueueApiError as error:
        yield Finding(Level.FAIL, "registration", explain(error))
    else:
        queues = ", ".join(settings.queues)
        yield Finding(Level.OK, "registration", f"{settings.name!r} may register for {queues}")
        yield _server_key(settings, checked.server_keys)
        yield _clock((began + (ended - began) / 2 - checked.server_time).total_seconds())


async def _address(http: httpx.AsyncClient, url: str) -> Finding:
    try:
        response = await http.get(routes.HEALTH)
        if VERSION_HEADER in response.headers:
            return Finding(Level.OK, "address", f"a queue API answers at {url}")
        return await _what_answers(http, url, response)
    except (httpx.HTTPError, ssl.SSLError) as error:
        return Finding(Level.FAIL, "address", f"{url}: {explain(error)}")


async def _what_answers(http: httpx.AsyncClient, url: str, response: httpx.Response) -> Finding:
    """Say who answers where no queue API does."""
    if response.is_redirect:
        target = response.headers.get("Location", "").partition("?")[0]
        text = f"{url} leads to {target}; put the address behind it into EDGE_AGENT_URL"
        return Finding(Level.FAIL, "address", text)
    if refusal := explain_refusal(response.status_code, response.text):
        return Finding(Level.FAIL, "address", f"{url}: {refusal}")
    version = await http.get(url.rstrip("/") + "/api/v2/version")
    if version.status_code == HTTPStatus.OK and "version" in _json(version):
        text = (
            f"Airflow {_json(version)['version']} answers at {url}, without a queue API; install "
            "airflow-edge-agent[server] beside its API server and restart that"
        )
    else:
        kind = response.headers.get("Content-Type", "no content type").partition(";")[0]
        text = (
            f"{url} answers {response.status_code} ({kind}) and is no Airflow; a proxy or another program is "
            "at that address, or EDGE_AGENT_URL lacks the base path of Airflow"
        )
    return Finding(Level.FAIL, "address", text)


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _registration(settings: AgentSettings, kinds: tuple[JobKind, ...]) -> Registration:
    return Registration(
        instance=uuid4(),
        hostname=one_line(socket.gethostname()),
        queues=settings.queues,
        kinds=kinds,
        slots=settings.slots,
        capabilities=detect_capabilities(settings),
        versions=detect_versions(),
    )


def _server_key(settings: AgentSettings, shown: Sequence[ServerKey]) -> Finding:
    known = ServerKeys(StateDir(settings.state_dir).server_keys_file, settings.server_key)
    ids = ", ".join(each.id for each in shown)
    try:
        meeting = known.judge(shown)
    except ForeignServer as error:
        return Finding(Level.FAIL, "server key", str(error))
    if not shown:
        return Finding(Level.NOTE, "server key", UNSIGNED)
    if meeting.is_first:
        text = f"the first registration pins {ids}; an admin sees with `airflow edge-agent server-key` if it is his"
        return Finding(Level.NOTE, "server key", text)
    return Finding(Level.OK, "server key", f"only jobs that are signed by {', '.join(known.ids)} start here")


def _clock(ahead_seconds: float) -> Finding:
    if abs(ahead_seconds) < NOTABLE_SKEW_SECONDS:
        return Finding(Level.OK, "clock", "as the server's")
    direction = "ahead of" if ahead_seconds > 0 else "behind"
    text = (
        f"{abs(ahead_seconds):.0f} s {direction} the server's; nothing is decided by it, but times in logs "
        "will not fit together: turn on time synchronization (NTP)"
    )
    return Finding(Level.NOTE, "clock", text)


def _tasks(settings: AgentSettings, kinds: tuple[JobKind, ...]) -> Iterator[Finding]:
    if JobKind.TASK in kinds:
        yield from _dags(settings)
    elif JobKind.TASK not in detect_kinds(settings):
        text = "this agent takes commands only; for tasks install airflow-edge-agent[tasks]"
        yield Finding(Level.NOTE, "tasks", text)


def _dags(settings: AgentSettings) -> Iterator[Finding]:
    """Ask Airflow, in a process of its own, where the tasks would find their Dags."""
    from edge_agent.task_host import task_environment

    environment = task_environment(
        os.environ,
        agent_name=settings.name,
        executor="LocalExecutor",
        default_queue="default",
        server=settings.execution_api,
    )
    try:
        asked = subprocess.run(
            [sys.executable, "-P", "-m", "edge_agent.task_host.bundles"],
            env=environment | {"AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
            capture_output=True,
            text=True,
            check=True,
            timeout=AIRFLOW_SECONDS,
        )
        answer = json.loads(asked.stdout.splitlines()[-1])
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()[-1:] or ["nothing"]
        yield Finding(Level.FAIL, "tasks", f"Airflow cannot be imported, mend its installation: {said[0]}")
        return
    except subprocess.TimeoutExpired:
        yield Finding(Level.FAIL, "tasks", f"Airflow was not imported within {AIRFLOW_SECONDS:.0f} s")
        return
    yield Finding(Level.OK, "tasks", f"Airflow {answer['airflow']} can be imported")
    for bundle in answer["bundles"]:
        yield _bundle(bundle)


def _bundle(bundle: dict[str, Any]) -> Finding:
    name = f"Dag bundle {bundle['name']!r}"
    if bundle["path"] is None:
        return Finding(Level.NOTE, "dags", f"{name} is a {bundle['kind']}: fetched by the first task, not tried here")
    path = Path(bundle["path"])
    if not path.is_dir():
        text = (
            f"{name}: there is no directory {path}; put the Dags there, or set AIRFLOW__CORE__DAGS_FOLDER or "
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
        )
        return Finding(Level.FAIL, "dags", text)
    if not os.access(path, os.R_OK | os.X_OK):
        return Finding(Level.FAIL, "dags", f"{name}: {path} cannot be read by the user of the agent; chmod or chown it")
    return Finding(Level.OK, "dags", f"{name} is {path}")
