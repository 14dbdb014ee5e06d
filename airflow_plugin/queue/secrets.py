"""Secrets handed to agents: made from 256 random bits, stored only as a hash, compared in constant time.

A secret of that length cannot be guessed or looked up from its hash, so that plain SHA-256 is enough;
a slow hash is for passwords people choose.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from pydantic import SecretStr

AGENT_TOKEN = "eat"  # noqa: S105  a prefix by which scanners know one of ours, not a secret
SESSION_TOKEN = "eas"  # noqa: S105  the same


@dataclass(frozen=True)
class Secret:
    """A new secret: ``kind_lookup_random``. Only ``lookup`` and ``digest`` are ever stored."""

    lookup: str
    value: SecretStr
    digest: str


def new_secret(kind: str, lookup: str | None = None) -> Secret:
    """Make a secret of a kind. ``lookup`` is its public part; 12 random hexadecimal digits by default."""
    public = lookup or secrets.token_hex(6)
    value = f"{kind}_{public}_{secrets.token_urlsafe(32)}"
    return Secret(public, SecretStr(value), digest_of(value))


def digest_of(value: str) -> str:
    """Return what is stored of a secret: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(value.encode()).hexdigest()


def lookup_of(value: str, kind: str) -> str | None:
    """Return the public part of a secret, or None when it is not of that kind."""
    parts = value.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == kind else None  # noqa: PLR2004  kind, lookup, random


def matches(value: str, digest: str | None) -> bool:
    """Compare in constant time."""
    return digest is not None and hmac.compare_digest(digest_of(value), digest)
