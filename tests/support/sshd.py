"""A real OpenSSH server on loopback: own keys, own port, own configuration, nothing of the machine's but its program.

It lets in the user it runs as, with the one key that it made. That user's shell finds an empty home: what the machine's
own start files do is nobody's to measure.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, Self

from tests.support.ports import free_port
from tests.support.process import Process, clean_environment
from tests.support.waiting import wait_until

SEPARATION = Path("/run/sshd")
"""An empty directory, without which an sshd of root's refuses to start."""
SESSION = re.compile(r"^Starting session: ", re.MULTILINE)

_CONFIGURATION = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {home}/host_key
AuthorizedKeysFile {home}/user_key.pub
AllowUsers {user}
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
SetEnv HOME={home}
StrictModes no
PermitUserRC no
PrintMotd no
PrintLastLog no
PidFile none
LogLevel VERBOSE
MaxStartups {most}
MaxSessions {most}
"""


class Sshd:
    """One server. ``home``: made, for its keys and its log. ``most``: connections it lets begin at the same time.

    :raises FileNotFoundError: when there is no sshd on this machine.
    """

    def __init__(self, home: Path, *, most: int = 1000) -> None:
        program = shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))
        if program is None:
            msg = "sshd is not installed: run requirements/openssh.sh"
            raise FileNotFoundError(msg)
        home.mkdir(parents=True)
        self.home = home
        self.port = free_port()
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        for name in ("host_key", "user_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(home / name)], check=True
            )
        file = home / "sshd_config"
        file.write_text(_CONFIGURATION.format(port=self.port, home=home, user=self.user, most=most), encoding="utf-8")
        # It starts itself anew for each connection, and wants to be called by its whole path for that.
        command = [program, "-D", "-e", "-f", str(file)]
        self.process = Process("sshd", command, environment=clean_environment(home), log=home / "sshd.log", cwd=home)

    def start(self) -> Self:
        """Start it and wait until it answers."""
        if os.geteuid() == 0:
            SEPARATION.mkdir(mode=0o755, exist_ok=True)
        self.process.start()
        wait_until(self._answers, what="sshd answers", ignoring=(OSError,))
        return self

    def connection(self) -> dict[str, Any]:
        """Return what an Airflow connection to it needs; the server's key is checked."""
        key = (self.home / "host_key.pub").read_text(encoding="utf-8").rpartition(" ")[0]
        extra = {"key_file": str(self.home / "user_key"), "host_key": key}
        return {
            "conn_type": "ssh",
            "host": "127.0.0.1",
            "port": self.port,
            "login": self.user,
            "extra": json.dumps(extra),
        }

    def sessions(self) -> int:
        """Return how many sessions it has opened so far: one for each command."""
        return len(SESSION.findall(self.process.output()))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Kill it, and all that was started over it."""
        self.process.kill_family()

    def _answers(self) -> bool:
        self.process.must_run()
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
