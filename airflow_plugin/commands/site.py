"""Airflow's connection, read: where the queue API is, whom to trust, and with which token.

A form that would turn TLS or the token off without saying so is refused, with the right one in the message: what
turns off is said by a literal boolean, and a name that is not known is no extra that is quietly left aside.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from airflow_plugin.commands.errors import ConnectionUnusable
from airflow_plugin.commands.own_server import own_server
from airflow_plugin.commands.server_address import address_of, is_in_the_clear
from edge_agent.protocol import NAME_PATTERN
from edge_agent.protocol.secrets import AGENT_TOKEN, SUBMIT_TOKEN

CONN_TYPE = "edge_agent"

TYPES = frozenset({CONN_TYPE, "", "generic", "http", "https"})
"""What a connection may be. Those beside our own hold a host and a token in the same fields."""

OLD_NAMES: dict[str, str] = {"agent_token": "token", "verify_ssl": "verify"}
"""Extras as the operators took them whose place ours take, by what they are now."""

EXTRAS = (
    "path", "verify", "allow_plaintext", "ca_file", "ca_pem", "client_cert_file", "client_key_file", "default_queue",
)  # fmt: skip
"""Every extra there is, but for the old names."""

_WHOLE_URI = "edge-agent://:TOKEN@HOST/?__extra__=" + "%7B%22verify%22%3A+false%7D"
_TOKEN = re.compile(rf"{SUBMIT_TOKEN}_[\w-]+", re.ASCII)


class AirflowConnection(Protocol):
    """What is needed of ``airflow.sdk.Connection``."""

    conn_id: str
    conn_type: str | None
    host: str | None
    schema: str | None
    login: str | None
    password: str | None
    port: int | None
    extra: str | None


@dataclass(frozen=True)
class Site:
    """A queue API and how to speak to it.

    ``url``: of the API server, without a slash at its end. ``verify``: whether its certificate must be one that
    ``ca_file``, ``ca_pem`` or else this host's own authorities vouch for. ``default_queue``: of commands that name
    neither a queue nor an agent.
    """

    url: str
    token: SecretStr
    verify: bool = True
    ca_file: Path | None = None
    ca_pem: str | None = None
    client_cert_file: Path | None = None
    client_key_file: Path | None = None
    default_queue: str | None = None


def site_of(connection: AirflowConnection) -> Site:
    """Read a connection.

    :raises ConnectionUnusable: when it cannot be used, or would be without what whoever wrote it meant to have.
    """
    try:
        return _read(connection)
    except ValueError as error:
        msg = f"The connection {connection.conn_id!r} cannot be used: {error}."
        raise ConnectionUnusable(msg) from None


def _read(connection: AirflowConnection) -> Site:
    if (connection.conn_type or "") not in TYPES:
        msg = f"it is of type {connection.conn_type!r}, not {CONN_TYPE!r}"
        raise ValueError(msg)
    extras = _extras(connection.extra)
    token = _token(connection, extras)
    verify = _boolean(extras, "verify", safe=True)
    return Site(
        url=_url(connection, extras),
        token=token,
        verify=verify,
        ca_file=_file(extras, "ca_file"),
        ca_pem=_ca_pem(extras, verify=verify),
        client_cert_file=_file(extras, "client_cert_file"),
        client_key_file=_key_file(extras),
        default_queue=_queue(extras),
    )


def _extras(text: str | None) -> dict[str, Any]:
    """Return the extras under their present names, without those that are empty."""
    try:
        extras = json.loads(text or "{}")
    except (ValueError, RecursionError):
        extras = None
    if not isinstance(extras, dict):
        msg = 'its extra is no JSON object; it must look like {"default_queue": "onprem"}'
        raise ValueError(msg)  # noqa: TRY004  one kind of refusal
    named: dict[str, Any] = {}
    written: str
    for written, value in extras.items():
        name = OLD_NAMES.get(written, written)
        _is_known(written)
        if value is None or value == "":
            continue
        if named.setdefault(name, value) != value:
            msg = f"its extra says two things: {written!r} is the old name of {name!r}; leave one out"
            raise ValueError(msg)
    return named


def _is_known(name: str) -> None:
    if name in EXTRAS or name in OLD_NAMES:
        return
    if name == "extra":
        msg = (
            "a URI with '?extra={...}' makes an extra that is named 'extra', and what stands in it is not seen; "
            f"write '?__extra__=' and the JSON in percent-encoding ({_WHOLE_URI}), or the connection as JSON"
        )
        raise ValueError(msg)
    close = difflib.get_close_matches(name, EXTRAS, n=1)
    hint = f"is {close[0]!r} meant" if close else f"there are {', '.join(EXTRAS)}"
    msg = f"it has an extra {name!r}, which means nothing here ({hint})"
    raise ValueError(msg)


def _token(connection: AirflowConnection, extras: Mapping[str, Any]) -> SecretStr:
    old, new = str(extras.get("token", "")).strip(), (connection.password or "").strip()
    if old and new and old != new:
        msg = "it has one token as its password and another in the extra 'agent_token'; leave one out"
        raise ValueError(msg)
    token = new or old
    if connection.login:
        msg = (
            "its login is not empty, and nothing is sent with a login; the token is the password, which in a URI "
            "stands behind a colon (edge-agent://:TOKEN@HOST)"
        )
        raise ValueError(msg)
    if not token:
        msg = "it has no token; put a submit token into its password (airflow edge-agent tokens create --kind submit)"
        raise ValueError(msg)
    if token.startswith(f"{AGENT_TOKEN}_"):
        msg = (
            "its token is an agent token, which registers agents; commands take a submit token "
            "(airflow edge-agent tokens create --kind submit)"
        )
        raise ValueError(msg)
    if not _TOKEN.fullmatch(token):
        msg = f"its token is none: a submit token begins with '{SUBMIT_TOKEN}_' and has letters, digits, '-' and '_'"
        raise ValueError(msg)
    return SecretStr(token)


def _boolean(extras: Mapping[str, Any], name: str, *, safe: bool) -> bool:
    """Return a switch. The safe side may be written as people write it, the other is a literal boolean."""
    value = extras.get(name, safe)
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() == str(safe).lower():
        return safe
    unsafe = json.dumps(not safe)
    msg = (
        f"its extra {name!r} must be true or false, a boolean and no text: to turn "
        f"{'it off' if safe else 'it on'} write {{{json.dumps(name)}: {unsafe}}}, in a URI as "
        f"edge-agent://:TOKEN@HOST/?__extra__=%7B%22{name}%22%3A+{unsafe}%7D"
    )
    raise ValueError(msg)


def _url(connection: AirflowConnection, extras: Mapping[str, Any]) -> str:
    url = _written_url(connection, extras)
    if is_in_the_clear(url) and not _boolean(extras, "allow_plaintext", safe=False):
        msg = (
            f"{url} is not encrypted, and whoever listens on the way could run commands with the token; use https, "
            'or say that it may be so with the extra {"allow_plaintext": true}'
        )
        if not connection.host:
            msg += ". It names no host, so that this address is what this Airflow's configuration says of its own"
        raise ValueError(msg)
    return url


def _written_url(connection: AirflowConnection, extras: Mapping[str, Any]) -> str:
    path = _text(extras, "path")
    if connection.host:
        return address_of(connection.host, connection.schema, connection.port, path)
    alone = [name for name, value in (("port", connection.port), ("schema", connection.schema)) if value]
    if alone or path:
        msg = f"it has a {' and a '.join(alone + ['path'] * bool(path))}, but no host"
        raise ValueError(msg)
    return own_server()


def _text(extras: Mapping[str, Any], name: str) -> str | None:
    value = extras.get(name)
    if value is not None and not isinstance(value, str):
        msg = f"its extra {name!r} must be a text"
        raise ValueError(msg)
    return value


def _file(extras: Mapping[str, Any], name: str) -> Path | None:
    value = _text(extras, name)
    return None if value is None else Path(value)


def _ca_pem(extras: Mapping[str, Any], *, verify: bool) -> str | None:
    pem = _text(extras, "ca_pem")
    if pem is not None and "ca_file" in extras:
        msg = "it names authorities twice, in 'ca_file' and in 'ca_pem'; leave one out"
        raise ValueError(msg)
    if not verify and (pem is not None or "ca_file" in extras):
        msg = "it names an authority to trust, and 'verify': false trusts everybody; leave one out"
        raise ValueError(msg)
    return pem


def _key_file(extras: Mapping[str, Any]) -> Path | None:
    key = _file(extras, "client_key_file")
    if key is not None and "client_cert_file" not in extras:
        msg = "it has a 'client_key_file', and no 'client_cert_file' to go with it"
        raise ValueError(msg)
    return key


def _queue(extras: Mapping[str, Any]) -> str | None:
    queue = _text(extras, "default_queue")
    if queue is not None and not re.fullmatch(NAME_PATTERN, queue):
        msg = f"its 'default_queue' {queue!r} cannot be a queue: letters, digits, '.', '_' and '-', at most 64 of them"
        raise ValueError(msg)
    return queue
