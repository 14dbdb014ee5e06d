"""What a server signs, byte for byte: both sides must mean the same by it.

A signature is written as ``<id of the key>:<Base64 of the signature>``. Keys are Ed25519, and a signed text begins
with what it is: a signature under one thing is never one under another.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema

from edge_agent.protocol.base import Answer
from edge_agent.protocol.states import JobKind, RunnerName

KEY_PATTERN = r"[A-Za-z0-9+/]{43}="
"""An Ed25519 public key: 32 bytes in Base64."""

MAX_KEYS = 16
MAX_SIGNATURE = 128


def _checked(key: str) -> str:
    if not re.fullmatch(KEY_PATTERN, key):
        msg = "must be a key as `airflow edge-agent server-key` prints it: 44 characters of Base64"
        raise ValueError(msg)
    return key


PublicKey = Annotated[str, AfterValidator(_checked), WithJsonSchema({"type": "string", "pattern": f"^{KEY_PATTERN}$"})]
Signature = Annotated[str, Field(max_length=MAX_SIGNATURE)]


class Certificate(Answer):
    """A signature under a public key and the time until which it counts.

    Without that time a key that was removed because somebody else has it would be certified for good.
    """

    until: int = Field(description="In seconds since 1970.")
    signature: Signature


class ServerKey(Answer):
    """A public key that jobs are signed with, for a host to pin.

    ``certificates``: made by the other keys of the server. A host that knows one of those may take this one
    for the same server's.
    """

    key: PublicKey
    certificates: tuple[Certificate, ...] = Field(default=(), max_length=MAX_KEYS)

    @property
    def id(self) -> str:
        """What signatures call it."""
        return key_id(self.key)


ServerKeys = Annotated[tuple[ServerKey, ...], Field(max_length=MAX_KEYS)]
"""All keys of a server, the one that signs first. None: its jobs are not signed."""


def key_id(key: str) -> str:
    """Return what signatures call a public key."""
    return hashlib.sha256(base64.b64decode(key)).hexdigest()[:16]


def signed_key(key: str, until: int) -> bytes:
    """Return what a certificate for a public key signs."""
    return _text("airflow-edge-agent server key 1", key, until)


def signed_job(
    job_id: UUID,
    *,
    kind: JobKind,
    queue: str,
    team: str | None,
    runner: RunnerName,
    slots: int,
    label: str,
    payload: str,
) -> bytes:
    """Return what the signature of a job signs: everything that a host is told of it, as it was queued.

    ``payload`` is text and stays text: it is never read and written again on the way.
    """
    return _text("airflow-edge-agent job 1", str(job_id), kind.value, queue, team, runner.value, slots, label, payload)


def _text(*parts: str | int | None) -> bytes:
    # A list in JSON has one reading only: no part can end where another one does not begin.
    return json.dumps(parts, separators=(",", ":")).encode()
