"""Giving the disk back a part of a file without moving the rest: a hole, which reads as zeros.

Python has no call for it. Local file systems of Linux have it (ext4, XFS, Btrfs, tmpfs).
"""

from __future__ import annotations

import errno
import os

BLOCK_BYTES = 4096
"""Only whole blocks are given back; the rest of the range stays."""

_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02  # linux/falloc.h


def punch(handle: int, begin: int, end: int) -> None:
    """Give back the blocks of a file that lie within a range.

    :raises OSError: when the file system or the system cannot do that.
    """
    begin, end = -(-begin // BLOCK_BYTES) * BLOCK_BYTES, end // BLOCK_BYTES * BLOCK_BYTES
    if begin >= end:
        return
    # Imported here: hardly ever needed, and not small.
    import ctypes

    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if fallocate is None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    if fallocate(handle, _PUNCH_HOLE | _KEEP_SIZE, begin, end - begin):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
