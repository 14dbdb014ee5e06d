"""Privileges that a process gives up for itself and for whatever it starts."""

from __future__ import annotations

PR_SET_NO_NEW_PRIVS = 38


def forbid_more() -> None:
    """Let no program started from here on gain privileges: setuid bits and file capabilities do nothing.

    Where the system knows no such thing (it is not Linux), nothing happens.
    """
    import ctypes

    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(ctypes.c_int(PR_SET_NO_NEW_PRIVS), *map(ctypes.c_ulong, (1, 0, 0, 0)))
