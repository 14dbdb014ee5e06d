"""From which host a request comes: its proof is checked here, before anything is looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from airflow_plugin.errors import Unauthenticated
from edge_agent.protocol import PROOF_HEADER, Proof
from edge_agent.protocol.proofs import signed_text
from edge_agent.protocol.routes import PREFIX

if TYPE_CHECKING:
    from fastapi import Request


def host_key_of(request: Request, token: str, body: bytes) -> str:
    """Return the public key of the host that has made a request.

    :raises Unauthenticated: when there is no proof, or it is one of something else.
    """
    header = request.headers.get(PROOF_HEADER)
    if header is None:
        msg = f"Send {PROOF_HEADER}: a proof of the host's key. An agent that does not is too old: upgrade it."
        raise _unproven(request, msg)
    text = signed_text(request.method, _target(request), body, token)
    try:
        proof = Proof.parse(header)
        Ed25519PublicKey.from_public_bytes(proof.public_key).verify(proof.signature, text)
    except (ValueError, InvalidSignature):
        msg = (
            f"{PROOF_HEADER} does not prove this request. Something on the way changed its method, path, query or "
            "body; let it pass them as they are."
        )
        raise _unproven(request, msg) from None
    return proof.key


def _unproven(request: Request, message: str) -> Unauthenticated:
    # Whoever shows a token without its host says nothing about that token: see the gate.
    request.scope["edge_agent.unproven"] = True
    return Unauthenticated(message)


def _target(request: Request) -> str:
    """Return the path below the protocol's own, with its query: where Airflow is mounted, an agent need not know."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", "")).removeprefix(PREFIX)
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path
