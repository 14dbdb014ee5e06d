"""The key of this host: made at the first start, never leaves it, proves each request.

===================================  =================================================================
what if it dies here?                what comes of it
===================================  =================================================================
while the key is written             there is none; the next start makes one
written, and never registered        the next start registers with it
===================================  =================================================================

Whoever has the key and an agent token is this host: it is as secret as the token, and of no use elsewhere
without one.
"""

from __future__ import annotations

import base64
import os
import re
import stat
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_agent.errors import StateDirError
from edge_agent.protocol.proofs import Proof, signed_text

_FORM = re.compile(rb"ed25519 ([A-Za-z0-9+/]{43}=)\n")
"""A line of text, and no PEM: to read that takes an agent another megabyte, for as long as it runs."""

_ANOTHER = (
    "remove it, so that the agent makes another, and ask an admin to let that one in: "
    "airflow edge-agent agents re-enrol NAME"
)


class HostKey:
    """An Ed25519 key pair."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self._public_key = private_key.public_key().public_bytes_raw()

    @classmethod
    def fresh(cls) -> Self:
        """Make a key that is nowhere else."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the key of a host, made now if there is none. The state directory must be locked.

        :raises StateDirError: when it cannot be read or written, others could read it, or it is broken.
        """
        if key := cls.read(path):
            return key
        key = cls.fresh()
        try:
            key.write(path)
        except OSError as error:
            msg = f"The key of this host cannot be written to {path}: {error.strerror}. Make room there, or mend it."
            raise StateDirError(msg) from error
        return key

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the key in a file; None when there is no such file.

        :raises StateDirError: when it cannot be read, others could read it, or it is broken.
        """
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            msg = f"The key of this host in {path} cannot be read: {error.strerror}. Run the agent as its owner."
            raise StateDirError(msg) from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            msg = (
                f"The key of this host is open to other users; run: chmod 600 {path}. Where one of them may have read "
                f"it, {_ANOTHER}"
            )
            raise StateDirError(msg)
        found = _FORM.fullmatch(content)
        if found is None:
            msg = f"{path} holds no Ed25519 key. Bring back the file that was there; or {_ANOTHER}"
            raise StateDirError(msg)
        return cls(Ed25519PrivateKey.from_private_bytes(base64.b64decode(found[1])))

    def prove(self, method: str, target: str, body: bytes, token: str) -> str:
        """Return the proof that a request comes from here, as it is sent."""
        signature = self._private_key.sign(signed_text(method, target, body, token))
        return str(Proof.made_of(self._public_key, signature))

    def write(self, path: Path) -> None:
        """Write the key to a file, 0600, whole or not at all, and on the disk when this returns.

        :raises OSError: when it cannot be written.
        """
        beside = path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(b"ed25519 %b\n" % base64.b64encode(self._private_key.private_bytes_raw()))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
