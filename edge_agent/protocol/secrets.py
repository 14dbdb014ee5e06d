"""How the secrets look that the two sides show each other, so that neither writes one into its log."""

from __future__ import annotations

import re

AGENT_TOKEN = "eat"  # noqa: S105  a prefix by which scanners know one of ours, not a secret
SUBMIT_TOKEN = "est"  # noqa: S105  the same
SESSION_TOKEN = "eas"  # noqa: S105  the same

KINDS = (AGENT_TOKEN, SUBMIT_TOKEN, SESSION_TOKEN)
"""Every kind of secret that is handed out. What is not in here is not hidden."""

REDACTED = "***"

_LOOKS_SECRET = re.compile(
    r"(?i:(?P<scheme>(?:bearer|basic)\s+))\S+"  # an authorization header, whoever prints it
    r"|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"  # a JSON web token: Airflow's own
    rf"|\b(?:{'|'.join(KINDS)})_[\w-]{{16,}}"  # one of ours, or a part of one that is long enough to tell something
)


def without_secrets(text: str) -> str:
    """Return the text without anything that looks like a secret of ours or of Airflow's."""
    return _LOOKS_SECRET.sub(lambda found: (found["scheme"] or "") + REDACTED, text)
