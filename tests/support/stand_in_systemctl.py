"""Stands in for systemctl where no systemd runs: starts what a unit says, as its user, and waits for READY=1.

It keeps to the unit: ``User``, ``EnvironmentFile``, ``ExecStart``, ``Type=notify``, ``KillMode=process``. What it was
asked, it notes in ``/run/asked``. It starts nothing again by itself, and of sandboxes it knows nothing.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

UNITS = Path("/etc/systemd/system")
RUN = Path("/run/units")


def settings(unit: str) -> dict[str, str]:
    """Return what stands in a unit."""
    lines = (UNITS / unit).read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def environment(file: str) -> dict[str, str]:
    """Return the variables of a file, as systemd reads it: without a shell."""
    path = Path(file.removeprefix("-"))
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name: value.strip('"') for name, _, value in pairs}


def pid(unit: str) -> int | None:
    """Return the process of a unit; None: it does not run."""
    file = RUN / unit
    number = int(file.read_text(encoding="utf-8")) if file.exists() else None
    if number is None or not Path(f"/proc/{number}").exists():
        return None
    state = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    return None if state == "Z" else number


def start(unit: str) -> int:
    """Start a unit and wait until it says that it is there."""
    if pid(unit):
        return 0
    RUN.mkdir(exist_ok=True)
    ended = RUN / f"{unit}.ended"
    address = RUN / "notify"
    for file in (address, ended):
        file.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(address))
        address.chmod(0o777)
        if os.fork() == 0:
            keep(unit, str(address), ended)
        ear.settimeout(0.1)
        while not ended.exists():
            try:
                if b"READY=1" in ear.recv(4096):
                    return 0
            except TimeoutError:
                continue
    print(f"Job for {unit} failed", file=sys.stderr)
    return 1


def keep(unit: str, address: str, ended: Path) -> NoReturn:
    """Be the parent of a unit's process, and of all it leaves, as process 1 is: what has ended must not stay."""
    os.setsid()
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    facts = settings(unit)
    user = pwd.getpwnam(facts["User"])
    with (RUN / "log").open("ab") as log:
        for handle in (1, 2):
            os.dup2(log.fileno(), handle)
        started = subprocess.Popen(
            shlex.split(facts["ExecStart"]),
            env={"PATH": "/usr/bin:/bin", "HOME": user.pw_dir, "USER": user.pw_name, "NOTIFY_SOCKET": address}
            | environment(facts["EnvironmentFile"]),
            cwd="/",
            stdin=subprocess.DEVNULL,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=os.getgrouplist(user.pw_name, user.pw_gid),
            umask=int(facts["UMask"], 8),
            start_new_session=True,
        )
    (RUN / unit).write_text(str(started.pid), encoding="utf-8")
    with suppress(ChildProcessError):
        while True:
            gone, status = os.wait()
            if gone == started.pid:
                ended.write_text(str(os.waitstatus_to_exitcode(status)), encoding="utf-8")
    os._exit(0)


def stop(unit: str) -> int:
    """Send SIGTERM to the process of a unit and to nothing else, and wait for its end."""
    number = pid(unit)
    if number is not None:
        handle = os.pidfd_open(number)
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        while pid(unit):
            signal.sigtimedwait([signal.SIGUSR2], 0.05)
    return 0


def main(words: list[str]) -> int:
    """Do what was asked."""
    with Path("/run/asked").open("a", encoding="utf-8") as asked:
        asked.write(" ".join(words) + "\n")
    verb, *units = [word for word in words if not word.startswith("--")]
    wants = UNITS / "multi-user.target.wants"
    if verb == "daemon-reload":
        return 0
    (unit,) = units
    link = wants / unit
    if verb == "enable":
        wants.mkdir(exist_ok=True)
        link.symlink_to(UNITS / unit)
    elif verb == "disable":
        link.unlink(missing_ok=True)
    elif verb == "is-enabled":
        return int(not link.is_symlink())
    elif verb == "is-active":
        return int(pid(unit) is None)
    elif verb == "start":
        return start(unit)
    elif verb in ("stop", "restart"):
        stop(unit)
        return start(unit) if verb == "restart" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
