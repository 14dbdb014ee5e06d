"""The Root Agent's way to name a host: a host, with or without the port its agent listened on."""

from __future__ import annotations

import re

from airflow_plugin.commands.specification import UnclearCommand

_FORMS = "'db-07', 'db-07:18443' or 'https://db-07:18443'"
_TARGET = re.compile(
    r"(?:https?://)?"
    r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<bare_ipv6>[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*)|(?P<host>[a-z0-9._-]+))"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)


def agent_of(target_server: str) -> str:
    """Return the agent that a target server is: its name, host name or address, without scheme and port.

    :raises UnclearCommand: when it is of none of the known forms, or names nothing.
    """
    found = _TARGET.fullmatch(target_server.strip())
    if found is None:
        msg = f"target_server {target_server!r} names no agent: write {_FORMS}."
        raise UnclearCommand(msg)
    return found["ipv6"] or found["bare_ipv6"] or found["host"]
