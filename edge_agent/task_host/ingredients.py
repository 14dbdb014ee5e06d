"""What a zygote is made of: what it reads once and its tasks then go by, until the next zygote."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path

from edge_agent.task_host.stamps import Stamp


def before_import() -> tuple[Stamp, ...]:
    """Look at configuration and installed packages, before Airflow does.

    Before, so that what changes meanwhile is noticed later. A package that is installed, upgraded or
    removed changes its ``site-packages``.
    """
    home = Path(os.path.expandvars(os.environ.get("AIRFLOW_HOME") or "~/airflow")).expanduser()
    config = os.environ.get("AIRFLOW_CONFIG")
    config_file = Path(os.path.expandvars(config)).expanduser() if config else home / "airflow.cfg"
    local_settings = home / "config" / "airflow_local_settings.py"
    installed = [Path(path) for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return tuple(Stamp.of(path) for path in (config_file, local_settings, *installed))


def after_import() -> tuple[Stamp, ...]:
    """Look at what only Airflow knows the place of: local settings, plugins, trusted authorities."""
    import certifi
    from airflow.sdk.api.client import API_SSL_CA_FILE_PATH, API_SSL_CERT_PATH
    from airflow.settings import PLUGINS_FOLDER

    local: str | None = getattr(sys.modules.get("airflow_local_settings"), "__file__", None)
    system = ssl.get_default_verify_paths()
    # The children's TLS context is the zygote's: a rotated authority needs a new one.
    trusted = (certifi.where(), system.cafile, system.capath, API_SSL_CA_FILE_PATH, API_SSL_CERT_PATH)
    files = [Path(path) for path in (local, *trusted) if path]
    if PLUGINS_FOLDER:
        plugins = Path(PLUGINS_FOLDER)
        # A folder is changed by a file that comes or goes; what Python compiles is no plugin.
        files += [plugins, *(path for path in sorted(plugins.rglob("*")) if "__pycache__" not in path.parts)]
    return tuple(Stamp.of(path) for path in files)
