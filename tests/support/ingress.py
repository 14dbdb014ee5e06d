"""nginx in front of what agents and tasks talk to: TLS, both addresses of this host, client certificates."""

from __future__ import annotations

import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from tests.support.ports import free_port
from tests.support.process import Process, clean_environment
from tests.support.waiting import wait_until

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    listen [::1]:{port} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {certificate};
    {verify}
    proxy_buffering off;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location / {{ proxy_pass {queue}; }}
    location /execution/ {{ proxy_pass {execution}; }}
  }}
}}
"""


def nginx() -> str:
    """Return where it is."""
    program = shutil.which("nginx", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        pytest.fail("nginx is not installed; `make test-int` does that, or says how")
    return program


class Ingress:
    """One nginx. ``clients``: the authority whose certificates it asks of everybody; None: it asks for none."""

    def __init__(
        self, folder: Path, certificate: Path, *, queue: str, execution: str | None = None, clients: Path | None = None
    ) -> None:
        folder.mkdir()
        self.port = free_port()
        self._folder = folder
        (folder / "nginx.conf").write_text(
            CONFIGURATION.format(
                folder=folder,
                port=self.port,
                certificate=certificate,
                queue=queue,
                execution=execution or queue,
                verify=f"ssl_client_certificate {clients}; ssl_verify_client on;" if clients else "",
            ),
            encoding="utf-8",
        )
        self._process = Process(
            "nginx",
            [nginx(), "-p", str(folder), "-c", str(folder / "nginx.conf")],
            environment=clean_environment(folder),
            log=folder / "nginx.log",
            cwd=folder,
        )

    def url(self, host: str = "127.0.0.1") -> str:
        """Return its address."""
        return f"https://{host}:{self.port}"

    def heard(self) -> str:
        """Return its access log."""
        return (self._folder / "access.log").read_text(encoding="utf-8")

    def __enter__(self) -> Self:
        self._process.start()
        wait_until(self._listens, what="nginx listens", timeout=20)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def _listens(self) -> bool:
        self._process.must_run()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False
