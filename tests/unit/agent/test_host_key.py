"""The key of a host: made once, for its owner alone, and never half of one."""

from __future__ import annotations

import os
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge_agent.errors import StateDirError
from edge_agent.host_key import HostKey
from edge_agent.protocol import Proof


def public_key(key):
    return Proof.parse(key.prove("POST", "/x", b"", "t")).key


def test_it_is_made_once_and_stays(tmp_path):
    path = tmp_path / "host.key"
    assert HostKey.read(path) is None
    made = HostKey.of(path)
    assert public_key(HostKey.of(path)) == public_key(made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["host.key"]


def test_no_two_hosts_have_the_same(tmp_path):
    assert public_key(HostKey.of(tmp_path / "a")) != public_key(HostKey.of(tmp_path / "b"))


def test_one_that_was_half_written_is_none(tmp_path):
    """The agent died before it put it in its place."""
    (tmp_path / "host.new").write_bytes(b"-----BEGIN")
    assert public_key(HostKey.of(tmp_path / "host.key")) == public_key(HostKey.of(tmp_path / "host.key"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_one_that_others_could_read_is_refused_with_what_to_do(tmp_path, mode):
    path = tmp_path / "host.key"
    HostKey.of(path)
    path.chmod(mode)
    with pytest.raises(StateDirError, match=f"chmod 600 {path}.*re-enrol"):
        HostKey.of(path)


def foreign_key():
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("content", [b"", b"nonsense", b"ed25519 " + b"A" * 43 + b"=", b"ed25519 AAAA\n", None])
def test_a_broken_one_is_refused_and_never_replaced(tmp_path, content):
    """Another key would be another host: that is for people to decide."""
    path = tmp_path / "host.key"
    written = foreign_key() if content is None else content
    path.write_bytes(written)
    path.chmod(0o600)
    with pytest.raises(StateDirError, match=r"no Ed25519 key.*agents re-enrol"):
        HostKey.of(path)
    assert path.read_bytes() == written


def test_one_that_cannot_be_read_or_written_is_refused_in_words(tmp_path):
    (tmp_path / "host.key").mkdir()
    with pytest.raises(StateDirError, match="cannot be read: Is a directory"):
        HostKey.of(tmp_path / "host.key")
    with pytest.raises(StateDirError, match="cannot be written to"):
        HostKey.of(tmp_path / "nowhere" / "host.key")


def test_a_key_written_under_any_umask_is_for_its_owner_alone(tmp_path):
    before = os.umask(0)
    try:
        HostKey.of(tmp_path / "host.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "host.key").stat().st_mode) == 0o600
