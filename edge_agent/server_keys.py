"""The keys of the server that this host knows, and the only ones whose jobs it starts.

They are pinned at the first registration, or said beforehand (``EDGE_AGENT_SERVER_KEY``), and kept in
``server_keys.json`` of the state directory. A new one is taken when one that is known certifies it, with a
certificate that is a day old at most by the clock of this host.

=================================  ======================================================================
the agent dies                     the next agent
=================================  ======================================================================
before the file is written         pins what the next registration brings
while it is written                finds the file as it was before: it is put in place whole
=================================  ======================================================================
"""

from __future__ import annotations

import base64
import json
import logging
import os
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from edge_agent.errors import CannotStart, ForeignServer, StateDirError
from edge_agent.protocol import Confirmed, Offer, ServerKey
from edge_agent.protocol.signatures import MAX_SIGNATURE, PublicKey, key_id, signed_job, signed_key

logger = logging.getLogger(__name__)

FORGET = "edge-agent server-key --forget"

UNSIGNED = (
    "The server does not sign its jobs, as it has no [core] fernet_key: who can write its database, or stands in "
    "between, can have this host run what its policy allows."
)


class Unsigned(CannotStart):
    """A job is not what the server that this host knows has queued. Nothing of it ran."""


class _Pinned(BaseModel):
    """What the file holds. ``said``: the key that the operator had said beforehand, if he had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    said: PublicKey | None = None
    keys: tuple[PublicKey, ...]


@dataclass(frozen=True)
class Meeting:
    """What came of the keys that a server has shown. ``keys``: those to know from now on."""

    keys: tuple[str, ...]
    is_first: bool


class ServerKeys:
    """What one host knows. ``said``: the key its operator has set; without one the first server is believed.

    :raises StateDirError: when there is a file and it cannot be read.
    """

    def __init__(self, path: Path, said: str | None = None) -> None:
        self._path = path
        self._said = said
        self._keys: tuple[str, ...] = self._read()
        self._lock = threading.Lock()

    @property
    def ids(self) -> list[str]:
        """The keys that are known, by what signatures call them."""
        return [key_id(key) for key in self._keys]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that are known."""
        return self._keys

    def judge(self, shown: Sequence[ServerKey]) -> Meeting:
        """Say what is to become of the keys that a server shows. Changes nothing.

        :raises ForeignServer: when none of them is known, nor certified by one that is.
        """
        if not self._keys:
            return Meeting(tuple(each.key for each in shown), is_first=True)
        trusted = {key_id(key): key for key in self._keys}
        accepted: dict[str, ServerKey] = {each.id: each for each in shown if each.id in trusted}
        while found := [each for each in shown if each.id not in accepted and _is_certified(each, trusted)]:
            accepted |= {each.id: each for each in found}
            trusted |= {each.id: each.key for each in found}
        if not accepted:
            raise ForeignServer(self._complaint(shown))
        return Meeting(tuple(each.key for each in shown if each.id in accepted), is_first=False)

    def meet(self, shown: Sequence[ServerKey]) -> None:
        """Pin the keys of a server: all of the first one, later those that may be its own.

        :raises ForeignServer: as :meth:`judge`.
        """
        with self._lock:  # answers arrive side by side; the file must hold what was learnt last
            meeting = self.judge(shown)
            if meeting.keys == self._keys:
                return
            ids = ", ".join(key_id(key) for key in meeting.keys)
            sentence = "Pinned the server's key: %s." if meeting.is_first else "The server's keys are now: %s."
            logger.info(sentence, ids, extra={"event": "server_key_pinned"})
            self._keys = meeting.keys
            self._write()

    def has_signed(self, content: bytes, signature: str) -> bool:
        """Whether the server that is known has signed this."""
        return _is_signed(content, signature, {key_id(key): key for key in self._keys})

    def opened(self, offer: Offer, confirmed: Confirmed) -> dict[str, Any]:
        """Return the payload of a confirmed job, with its token, if it is what the server has queued.

        :raises Unsigned: when it is not, or nobody can tell.
        """
        if self._keys:
            self._verify(offer, confirmed)
        payload = _parsed(confirmed.payload)
        if confirmed.token is not None and isinstance(payload.get("workload"), dict):
            payload["workload"]["token"] = confirmed.token
        return payload

    def _verify(self, offer: Offer, confirmed: Confirmed) -> None:
        if confirmed.signature is None:
            msg = (
                "The job is not signed, and this host starts only what its server has signed. It was changed after it "
                "was queued, or queued without [core] fernet_key: set the same one for every scheduler and API server."
            )
            raise Unsigned(msg)
        content = signed_job(
            offer.job_id,
            kind=offer.kind,
            queue=offer.queue,
            team=confirmed.team,
            runner=offer.runner,
            slots=offer.slots,
            label=offer.label,
            payload=confirmed.payload,
        )
        if not self.has_signed(content, confirmed.signature):
            msg = (
                "The job was changed after it was queued, or signed by a key that this host does not know "
                f"({confirmed.signature.partition(':')[0]}; it knows {', '.join(self.ids)}), or the server cannot "
                "decrypt it any more, which its log then says. If nobody has changed [core] fernet_key, take it for "
                "an attack on Airflow's database."
            )
            raise Unsigned(msg)

    def _read(self) -> tuple[str, ...]:
        said = (self._said,) if self._said else ()
        pinned = read(self._path)
        if pinned is None or (self._said and pinned.said != self._said):
            return said  # what was pinned before the operator said which key it is, does not count
        return pinned.keys

    def _write(self) -> None:
        content = _Pinned(said=self._said, keys=self._keys).model_dump_json().encode()
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:  # a full disk is no reason to forget what is known until the next start
            logger.warning(
                "Could not write %s: %s. The next start pins the server's key anew.",
                self._path,
                error.strerror or error,
                extra={"event": "server_key_unwritten"},
            )

    def _complaint(self, shown: Sequence[ServerKey]) -> str:
        known, there = ", ".join(self.ids), ", ".join(each.id for each in shown) or "none at all"
        return (
            f"This is not the server that this host knows: its key is {there}, and the host knows {known}. Nothing of "
            "it is obeyed; what runs goes on. Somebody else answers in its place, or all its Fernet keys were replaced "
            "at once (or one was while the clock of this host is a day ahead). Ask an admin what "
            "`airflow edge-agent server-key` says there. If that is the key shown here, "
            f"run `{FORGET}` and start the agent again; if not, have the agent token rotated: a stranger has seen it."
        )


def read(path: Path) -> _Pinned | None:
    """Return what is pinned in a file; None where there is none.

    :raises StateDirError: when it cannot be read.
    """
    try:
        return _Pinned.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "it does not hold what an agent writes there"
        msg = f"{path} cannot be read ({why}). Mend it, or run `{FORGET}` to pin the server's key anew."
        raise StateDirError(msg) from error


def forget(path: Path) -> None:
    """Forget what is pinned.

    :raises StateDirError: when the file cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        msg = f"{path} cannot be removed: {error.strerror}."
        raise StateDirError(msg) from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        msg = "What the server has handed out for this job is not a JSON object."
        raise Unsigned(msg)
    return payload


def _is_certified(shown: ServerKey, trusted: dict[str, str]) -> bool:
    now = time.time()
    return any(
        each.until > now and _is_signed(signed_key(shown.key, each.until), each.signature, trusted)
        for each in shown.certificates
    )


def _is_signed(content: bytes, signature: str, trusted: dict[str, str]) -> bool:
    """Whether one of these keys (by id) has signed it."""
    # Imported here: an agent that has nothing to verify stays smaller.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    name, _, value = signature.partition(":")
    key = trusted.get(name)
    if key is None or len(signature) > MAX_SIGNATURE:
        return False
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
        public.verify(base64.b64decode(value, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def in_words(keys: Iterable[str]) -> list[str]:
    """Return a line for each key: what signatures call it, and itself."""
    return [f"{key_id(key)}  {key}" for key in keys]
