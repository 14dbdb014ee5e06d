"""Requests made by hand, and proven to come from a host; and what a server has to see in such a proof."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_agent.host_key import HostKey
from edge_agent.protocol import PROOF_HEADER, Proof, routes
from edge_agent.protocol.proofs import signed_text
from tests.support.cuttable_server import Asked

THIS_HOST = HostKey.fresh()
"""The key of whoever speaks here and does not say who it is."""


class HostProof(httpx.Auth):
    """Shows a token, and proves that a host does."""

    requires_request_body = True

    def __init__(self, token: str, host_key: HostKey = THIS_HOST) -> None:
        self._token = token
        self._host_key = host_key

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]  # no answers
        """Add the headers."""
        target = target_of(request.url.raw_path.decode())
        request.headers["Authorization"] = f"Bearer {self._token}"
        proof = self._host_key.prove(request.method, target, request.content, self._token)
        request.headers[PROOF_HEADER] = proof
        yield request


def target_of(raw_path: str) -> str:
    """Return what is signed of a path as it is sent."""
    return unquote(raw_path.partition(routes.BASE)[2])


def proven_key(asked: Asked) -> str | None:
    """Return the key that made a request; None: none that says so did."""
    try:
        proof = Proof.parse(asked.headers.get(PROOF_HEADER, ""))
        text = signed_text(asked.method, target_of(asked.target), asked.body, asked.token)
        Ed25519PublicKey.from_public_bytes(proof.public_key).verify(proof.signature, text)
    except (InvalidSignature, ValueError):
        return None
    return proof.key
