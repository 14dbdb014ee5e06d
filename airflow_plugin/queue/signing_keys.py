"""The keys that jobs are signed with as they are queued: derived from Airflow's Fernet keys.

Whoever can only write the database cannot sign, so that nothing he puts there or changes is started by a host.
As with Airflow's connections the first key signs and each of them is good.

======================================  ==================================================================
what if this happens                    what comes of it
======================================  ==================================================================
a key is put in front                   it is certified by those behind it, and hosts take it for ours
a key is put behind                     the same; hosts know it before anything is signed with it
a key is taken away                     what was queued under it is refused; hosts forget it by and by
all are replaced at once                hosts do not know the server any more: their operators have to act
there was none and now there is one     hosts pin it; what was queued before is refused
there was one and now there is none     hosts that have pinned it refuse the server
======================================  ==================================================================
"""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from airflow_plugin.queue.fernet_keys import derived, fernet_keys
from edge_agent.protocol.signatures import MAX_KEYS, Certificate, ServerKey, key_id, signed_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

log = logging.getLogger(__name__)

CERTIFIED_SECONDS = 24 * 3600
"""How long a certificate counts. Hosts need it once, and servers make new ones all the time."""

_CERTIFIED_ANEW_SECONDS = 3600

_NO_KEY = (
    "[core] fernet_key is empty: jobs are not signed. Who can write the metadata database, or sits between an agent "
    "and this server, can have a host run what he likes, as far as the policy of the host lets him. Set the same key "
    "for every scheduler and API server, and restart them."
)


class _SigningKey:
    """One private key, and the name of its public half."""

    def __init__(self, fernet_key: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._private: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(derived(fernet_key, "signatures 1"))
        self.public = base64.b64encode(self._private.public_key().public_bytes_raw()).decode()
        self.id = key_id(self.public)

    def sign(self, content: bytes) -> str:
        return f"{self.id}:{base64.b64encode(self._private.sign(content)).decode()}"

    def certify(self, key: str, until: int) -> Certificate:
        return Certificate(until=until, signature=self.sign(signed_key(key, until)))


class SigningKeys:
    """Signs with the first key, and tells hosts of all."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [_SigningKey(key) for key in keys[:MAX_KEYS]]
        self._shown: tuple[int, tuple[ServerKey, ...]] = (0, ())

    def sign(self, content: bytes) -> str | None:
        """Return the signature; None where there is no key."""
        return self._keys[0].sign(content) if self._keys else None

    @property
    def published(self) -> tuple[ServerKey, ...]:
        """What a host may know of them now: the public halves, each certified by all others."""
        since = int(time.time()) // _CERTIFIED_ANEW_SECONDS * _CERTIFIED_ANEW_SECONDS
        until, shown = self._shown
        if until != since + CERTIFIED_SECONDS:
            until = since + CERTIFIED_SECONDS
            shown = self.certified(until)
            self._shown = until, shown
        return shown

    def certified(self, until: int) -> tuple[ServerKey, ...]:
        """Return the same with certificates that count until then, in seconds since 1970."""
        return tuple(
            ServerKey(
                key=mine.public,
                certificates=tuple(other.certify(mine.public, until) for other in self._keys if other is not mine),
            )
            for mine in self._keys
        )


@cache
def signing_keys() -> SigningKeys:
    """Return the keys of this deployment, read once. Without any, say once what that means.

    :raises ConfigError: when ``[core] fernet_key`` holds something else than Fernet keys.
    """
    keys = fernet_keys()
    if not keys:
        log.warning(_NO_KEY)
    return SigningKeys(keys)
