"""Keys of our own, derived from Airflow's Fernet keys.

Every process of a deployment has those already, backs them up and knows how to replace them; the database has not.
"""

from __future__ import annotations

import base64
import binascii

from airflow_plugin.config import ConfigError

KEY_BYTES = 32


def fernet_keys() -> list[bytes]:
    """Return the Fernet keys of this Airflow, the one that writes first; none where it has none.

    :raises ConfigError: when ``[core] fernet_key`` holds something else.
    """
    from airflow.configuration import conf

    written = conf.get("core", "fernet_key", fallback="") or ""
    try:
        keys = [base64.urlsafe_b64decode(part.strip()) for part in written.split(",") if part.strip()]
    except (binascii.Error, ValueError):
        keys = [b""]
    if any(len(key) != KEY_BYTES for key in keys):
        msg = "[core] fernet_key must hold Fernet keys, separated by commas: 32 bytes each, in URL-safe base64"
        raise ConfigError(msg)
    return keys


def derived(fernet_key: bytes, purpose: str, length: int = KEY_BYTES) -> bytes:
    """Return a key for one purpose: what is learnt of one use of the Fernet key is to say nothing of another."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = f"airflow-edge-agent {purpose}".encode()
    return HKDF(hashes.SHA256(), length, salt=None, info=info).derive(fernet_key)
