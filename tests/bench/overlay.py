"""An environment of the same packages without ours: what a site has that never heard of this project.

Everything is a link to what is installed here, so that both sides run the very same Airflow and edge3.
"""

from __future__ import annotations

import sys
import sysconfig
import venv
from pathlib import Path

OURS = ("airflow_edge_agent", "_editable_impl_airflow_edge_agent", "__editable__.airflow_edge_agent")


def make_overlay(home: Path) -> Path:
    """Make it below ``home``, and return its Python."""
    venv.create(home, symlinks=True, with_pip=False)
    here = Path(sysconfig.get_path("purelib"))
    there = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for entry in here.iterdir():
        if not entry.name.startswith(OURS) and entry.name != "__pycache__":
            (there / entry.name).symlink_to(entry)
    return home / "bin" / "python"
