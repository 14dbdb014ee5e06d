"""Tokens as Airflow makes them, signed with whatever an attacker has; and doors to try them on."""

from __future__ import annotations

import time
import warnings
from uuid import uuid4

import httpx
import jwt
from jwt.warnings import InsecureKeyLengthWarning

WRONG = frozenset({401, 403})
"""What a door answers that stays shut."""


def admins_token(secret: str) -> str:
    """Return what Airflow's login gives an admin, signed with a secret."""
    return signed(secret, aud="apache-airflow", sub="admin", role="admin", teams=[])


def task_token(secret: str, instance: str) -> str:
    """Return what a running task has for the Execution API, signed with a secret."""
    return signed(secret, aud="urn:airflow.apache.org:task", sub=instance, scope="execution")


def signed(secret: str, **claims: object) -> str:
    """Return a token that is valid for a minute, to whoever believes its key."""
    now = int(time.time())
    said = {"jti": uuid4().hex, "nbf": now, "iat": now, "exp": now + 60, **claims}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)  # a thief takes what there is
        return jwt.encode(said, secret, algorithm="HS512")


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


def doors(url: str, for_users: str, for_tasks: str) -> dict[str, int]:
    """Return what the public API and the Execution API, asked for the connection ``vault``, answer to two tokens."""
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        dags = client.get("/api/v2/dags", headers=bearer(for_users))
        vault = client.get("/execution/connections/vault", headers=bearer(for_tasks))
    return {"public": dags.status_code, "execution": vault.status_code}


def opened_by(url: str, candidates: list[str], instance: str) -> list[str]:
    """Return those of the candidates that open a door, shown as they are or as the key of a forged token."""
    found = []
    for each in candidates:
        plain = doors(url, each, each) if each.isascii() and each.isprintable() else {}
        forged = doors(url, admins_token(each), task_token(each, instance))
        if not {*plain.values(), *forged.values()} <= WRONG:
            found.append(each)
    return found
