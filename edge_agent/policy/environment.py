"""Which environment variables a job may set."""

from __future__ import annotations

from collections.abc import Iterable

_LOADS = (
    *("AIRFLOW", "BASH_", "DYLD_", "EDGE_AGENT_", "GCONV_", "GIT_", "GLIBC_", "JAVA_", "JDK_", "LD_", "MALLOC_"),
    *("NODE_", "PERL", "PYTHON", "RUBY", "SSH_", "SUDO_", "_JAVA_"),
)
_DECIDES = {
    *("BASHOPTS", "CDPATH", "CLASSPATH", "EDITOR", "ENV", "HOME", "HOSTALIASES", "IFS", "LOCPATH", "LOGNAME"),
    *("NLSPATH", "PAGER", "PATH", "RESOLV_HOST_CONF", "SHELL", "SHELLOPTS", "TMPDIR", "USER"),
}
"""What changes which code a program loads, or who it thinks it works for. Not all there is, which is why a
listed command had better be given names and no ``*``."""


def refused_names(names: Iterable[str], allowed: Iterable[str]) -> list[str]:
    """Return those of the names that no entry of ``allowed`` means: names, or beginnings with a ``*`` behind."""
    whole = {each for each in allowed if not each.endswith("*")}
    begins = tuple(each.removesuffix("*") for each in allowed if each.endswith("*"))
    return [name for name in names if name not in whole and (_is_delicate(name) or not name.startswith(begins))]


def _is_delicate(name: str) -> bool:
    return name.upper() in _DECIDES or name.upper().startswith(_LOADS)
