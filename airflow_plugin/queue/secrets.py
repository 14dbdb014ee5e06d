"""Secrets handed out: 256 random bits, recognisable wherever they turn up, stored only as a keyed hash.

``kind_lookup_random`` and a checksum, which tells a secret that was cut or mistyped from one that is not
known, and a scanner of source code a secret from what only looks like one. A secret of that length cannot
be guessed from its hash; a slow hash is for passwords people choose.
"""

from __future__ import annotations

import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass

from pydantic import SecretStr

from airflow_plugin.queue.hash_keys import hash_keys

PATTERN = r"\be(?:at|st|as)_(?:[0-9a-f]{12}|[0-9a-f]{32})_[0-9A-Za-z]{49}\b"
"""For secret scanners. The last six characters are the CRC-32 of all before them, in base 62."""

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_DIGITS = 43  # 62 ** 43 > 2 ** 256
_CHECK_DIGITS = 6  # 62 ** 6 > 2 ** 32


@dataclass(frozen=True)
class Secret:
    """A new secret. Only ``lookup`` and ``digest`` are ever stored."""

    lookup: str
    value: SecretStr
    digest: str


def new_secret(kind: str, lookup: str | None = None) -> Secret:
    """Make a secret of a kind. ``lookup`` is its public part; 12 random hexadecimal digits by default."""
    random = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_DIGITS))
    return _secret(kind, lookup or secrets.token_hex(6), random)


def derived_secret(kind: str, lookup: str, seed: str, value: str) -> Secret:
    """Make the secret that follows another one: the same each time, and known to nobody who has not both."""
    number = int.from_bytes(hmac.digest(seed.encode(), value.encode(), "sha256"))
    return _secret(kind, lookup, _in_digits(number, _RANDOM_DIGITS))


def is_whole(value: str) -> bool:
    """Whether this has the form of a secret of ours and its checksum is right. Proves nothing else."""
    return bool(re.fullmatch(PATTERN, value)) and _checksum(value[:-_CHECK_DIGITS]) == value[-_CHECK_DIGITS:]


def digest_of(value: str) -> str:
    """Return what is stored of a secret: a hash under the deployment's newest key."""
    return hash_keys().digest(value)


def digests_of(value: str) -> list[str]:
    """Return all that may be stored of a secret, one for each key."""
    return hash_keys().digests(value)


def lookup_of(value: str, kind: str) -> str | None:
    """Return the public part of a secret, or None when it is not of that kind."""
    parts = value.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == kind else None  # noqa: PLR2004  kind, lookup, random


def matches(value: str, digest: str | None) -> bool:
    """Compare in constant time."""
    return hash_keys().match(value, digest)


def _secret(kind: str, public: str, random: str) -> Secret:
    body = f"{kind}_{public}_{random}"
    value = body + _checksum(body)
    return Secret(public, SecretStr(value), digest_of(value))


def _checksum(body: str) -> str:
    return _in_digits(zlib.crc32(body.encode()), _CHECK_DIGITS)


def _in_digits(number: int, places: int) -> str:
    digits = ""
    for _ in range(places):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
