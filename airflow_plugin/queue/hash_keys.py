"""The keys under which secrets are hashed: derived from Airflow's own Fernet keys.

Every process of a deployment has these already, and the database has not: who can only read or write
the database can neither check a guess nor plant a secret of his own. As with Airflow's connections the
first key writes and each of them reads, so that a key is replaced by putting the new one in front.

======================================  ================================================================
what if this happens                    what comes of it
======================================  ================================================================
a key is put in front                   everything works; tokens move to it as they are used
a key is taken away                     tokens not used since are unknown, the log says why; rotate them
there was none and now there is one     the same: what has no key is not taken for what has one
======================================  ================================================================
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from airflow_plugin.config import ConfigError

log = logging.getLogger(__name__)

_KEY_BYTES = 32
_WITHOUT = "sha256"
_NO_KEY = (
    "[core] fernet_key is empty: agent tokens are stored as plain SHA-256. That tells nobody a token, but who can "
    "write the metadata database can plant one. Set the same key for every scheduler and API server (python -c "
    "'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'), restart them, and rotate "
    "the tokens there are: airflow edge-agent tokens rotate NAME."
)


@dataclass(frozen=True)
class _Key:
    id: str
    secret: bytes

    def digest(self, value: str) -> str:
        return f"{self.id}:{hmac.new(self.secret, value.encode(), hashlib.sha256).hexdigest()}"


class HashKeys:
    """Hashes secrets under the newest key, and knows the hashes of all."""

    def __init__(self, fernet_keys: Sequence[bytes]) -> None:
        self._keys = [_derived(key) for key in fernet_keys]

    def digest(self, value: str) -> str:
        """Return what is stored of a secret: which key, and the HMAC under it."""
        return self.digests(value)[0]

    def digests(self, value: str) -> list[str]:
        """Return all that may be stored of a secret, the newest key's first."""
        if not self._keys:
            return [f"{_WITHOUT}:{hashlib.sha256(value.encode()).hexdigest()}"]
        return [key.digest(value) for key in self._keys]

    def match(self, value: str, digest: str | None) -> bool:
        """Whether this is the hash of that secret, compared in constant time."""
        if digest is None:
            return False
        return any(hmac.compare_digest(each.encode(), digest.encode()) for each in self.digests(value))

    def know(self, digest: str) -> bool:
        """Whether it was made under a key that is still there."""
        ids = {key.id for key in self._keys} or {_WITHOUT}
        return digest.partition(":")[0] in ids


def _derived(fernet_key: bytes) -> _Key:
    """Return a key of our own: what is learnt of one use of the Fernet key is to say nothing of another."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    def derive(purpose: bytes, length: int) -> bytes:
        return HKDF(hashes.SHA256(), length, salt=None, info=b"airflow-edge-agent " + purpose).derive(fernet_key)

    return _Key(derive(b"key id 1", 4).hex(), derive(b"secret hashes 1", _KEY_BYTES))


@cache
def hash_keys() -> HashKeys:
    """Return the keys of this deployment, read once. Without any, say once what that means.

    :raises ConfigError: when ``[core] fernet_key`` holds something else than Fernet keys.
    """
    from airflow.configuration import conf

    written = conf.get("core", "fernet_key", fallback="") or ""
    try:
        keys = [base64.urlsafe_b64decode(part.strip()) for part in written.split(",") if part.strip()]
    except (binascii.Error, ValueError):
        keys = [b""]
    if any(len(key) != _KEY_BYTES for key in keys):
        msg = "[core] fernet_key must hold Fernet keys, separated by commas: 32 bytes each, in URL-safe base64"
        raise ConfigError(msg)
    if not keys:
        log.warning(_NO_KEY)
    return HashKeys(keys)
