"""The proof of a request: by which host's key it was made. What is signed, and how it travels.

Signed is all that a request means: its method, its path, its body and the token it shows. The key
stands beside the signature, so that it can be checked before anything is looked up; whose key it is,
the server's table says.

There is no clock and no number in it. A repeat of a captured request is a repeat of that request and of no
other, every verb is idempotent, and the token in it is short-lived.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Self

PROOF_HEADER = "Edge-Agent-Proof"
"""On every request of an agent: ``<public key>.<signature>``, Ed25519, both in URL-safe base64 without padding."""

_PROOF = re.compile(r"([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{86})")
_PURPOSE = "airflow-edge-agent request 1"
"""What is signed for one purpose is nothing for another."""


@dataclass(frozen=True)
class Proof:
    """A public key in the one way it is written, and a signature. Nothing is checked by having one."""

    key: str
    signature: bytes

    @classmethod
    def made_of(cls, public_key: bytes, signature: bytes) -> Self:
        """Return the proof that these bytes are."""
        return cls(_text(public_key), signature)

    @classmethod
    def parse(cls, header: str) -> Self:
        """Read the header.

        :raises ValueError: when it is not of that form, or not written in the one way there is.
        """
        found = _PROOF.fullmatch(header)
        if found is None:
            msg = "not a key and a signature"
            raise ValueError(msg)
        proof = cls.made_of(*map(_bytes, found.groups()))
        if str(proof) != header:
            msg = "not written as it must be"
            raise ValueError(msg)
        return proof

    @property
    def public_key(self) -> bytes:
        """The key's 32 bytes."""
        return _bytes(self.key)

    def __str__(self) -> str:
        return f"{self.key}.{_text(self.signature)}"


def signed_text(method: str, target: str, body: bytes, token: str) -> bytes:
    """Return what is signed of a request. ``target``: the path below the protocol's own, with its query."""
    digests = (hashlib.sha256(part).hexdigest() for part in (body, token.encode()))
    return "\n".join((_PURPOSE, method, target, *digests)).encode()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from None
