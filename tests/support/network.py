"""Two hosts and the network between them, which loses packets on order.

Two network namespaces and a pair of virtual interfaces. The namespaces have no names: each belongs to a
process that does nothing, and is gone with it, however the run ends. This machine's own network is never
touched; what listens at the far end is a socket of this process that was made in there.

What is lost is lost without a word, as on a real line: no RST, no ICMP.
"""

from __future__ import annotations

import ctypes
import shutil
import socket
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.support.process import Process, clean_environment
from tests.support.waiting import wait_until

FAR, NEAR = "192.0.2.1", "192.0.2.2"
_CLONE_NEWNET = 0x40000000
_WAIT = ["unshare", "--net", "sleep", "infinity"]


def why_not() -> str | None:
    """Say why there can be no such network here; None where there can."""
    if missing := [program for program in ("ip", "nft", "nsenter", "unshare") if shutil.which(program) is None]:
        return f"not installed: {', '.join(missing)} (requirements/nftables.sh says how)"
    tried = subprocess.run(["unshare", "--net", "nft", "list", "ruleset"], check=False, capture_output=True, text=True)
    return f"no network namespaces here: {tried.stderr.strip()}" if tried.returncode else None


class Network:
    """The two ends, from entering to leaving it."""

    def __init__(self, home: Path) -> None:
        environment = clean_environment(home)
        self._ends = [
            Process(f"{name} end", _WAIT, environment=environment, log=home / f"{name}.log", cwd=home)
            for name in ("far", "near")
        ]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for end in self._ends:
            self._stack.enter_context(end)
        wait_until(lambda: all(self._is_apart(end) for end in self._ends), what="both namespaces are there")
        far, near = self._ends
        self._run(far, "ip", "link", "add", "line", "type", "veth", "peer", "name", "line", "netns", str(near.pid))
        for end, address in ((far, FAR), (near, NEAR)):
            self._run(end, "ip", "address", "add", f"{address}/30", "dev", "line")
            self._run(end, "ip", "link", "set", "line", "up")
            self._run(end, "ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def near(self, *command: str) -> list[str]:
        """Return a command that runs another at the near end."""
        return ["nsenter", f"--net={self._namespace(self._ends[1])}", *command]

    def listen_far(self) -> socket.socket:
        """Return a socket that listens at the far end."""
        made: list[socket.socket] = []
        # A namespace is a thread's own, and a socket's from its making: the thread goes, the socket stays.
        thread = threading.Thread(target=lambda: made.append(_listen_in(self._namespace(self._ends[0]))))
        thread.start()
        thread.join()
        return made[0]

    def lose(self, percent: int) -> None:
        """Lose so many of the packets that arrive at either end, at random; 100: all of them."""
        which = "" if percent == 100 else f"numgen random mod 100 < {percent} "
        for end in self._ends:
            self._run(
                end,
                "nft",
                "flush ruleset; add table inet lossy; "
                "add chain inet lossy arriving { type filter hook input priority 0; }; "
                f"add rule inet lossy arriving {which}drop",
            )

    def recover(self) -> None:
        """Lose nothing any more."""
        for end in self._ends:
            self._run(end, "nft", "flush ruleset")

    def _run(self, end: Process, *command: str) -> None:
        subprocess.run(["nsenter", f"--net={self._namespace(end)}", *command], check=True, stdin=subprocess.DEVNULL)

    @staticmethod
    def _namespace(end: Process) -> str:
        return f"/proc/{end.pid}/ns/net"

    def _is_apart(self, end: Process) -> bool:
        return Path(self._namespace(end)).readlink() != Path("/proc/self/ns/net").readlink()


def _listen_in(namespace: str) -> socket.socket:
    with open(namespace, "rb") as file:  # noqa: PTH123  its descriptor is what is wanted
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    return socket.create_server((FAR, 0), backlog=128)
