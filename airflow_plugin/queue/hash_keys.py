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

import hashlib
import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from airflow_plugin.queue.fernet_keys import derived, fernet_keys

log = logging.getLogger(__name__)

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
    return _Key(derived(fernet_key, "key id 1", 4).hex(), derived(fernet_key, "secret hashes 1"))


@cache
def hash_keys() -> HashKeys:
    """Return the keys of this deployment, read once. Without any, say once what that means.

    :raises ConfigError: when ``[core] fernet_key`` holds something else than Fernet keys.
    """
    keys = fernet_keys()
    if not keys:
        log.warning(_NO_KEY)
    return HashKeys(keys)
