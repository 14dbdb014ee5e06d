"""The file that holds the agent token: for few eyes, and read as it is now."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from edge_agent.errors import SettingsError
from edge_agent.private_files import is_open


def read_token_file(path: Path, *, variable: str) -> SecretStr:
    """Return the token in a file. ``variable``: the setting that names it, for what is wrong with it.

    :raises SettingsError: when it cannot be read, is readable by others, or holds no token.
    """
    try:
        found = path.stat()
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{variable}: cannot read {path}: {error}"
        raise SettingsError(msg) from error
    if is_open(found):
        msg = f"{variable}: {path} is open to other users; run: chmod 600 {path}"
        raise SettingsError(msg)
    if not text or len(text.split()) > 1:
        msg = f"{variable}: {path} must hold one token and nothing else"
        raise SettingsError(msg)
    return SecretStr(text)
