"""A disk that is soon full: a small file system of its own, as far as the machine lets us mount one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.waiting import wait_until


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """Give a folder on a file system of that size; skip the test where none can be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs to mount a small file system, which only root may, and not everywhere")
    unmount = ["umount", str(folder)]
    try:
        yield folder
        wait_until(lambda: subprocess.run(unmount, check=False).returncode == 0, what="nobody uses the disk any more")
    finally:
        subprocess.run([*unmount, "--lazy"], check=False, capture_output=True)  # whoever still uses it


def fill(file: Path) -> Path:
    """Write to a file until there is no room left."""
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"x" * 4096)
    return file


def free_bytes(folder: Path) -> int:
    """Return how much room is left."""
    return shutil.disk_usage(folder).free
