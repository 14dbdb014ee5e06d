"""A host with an agent, that shares nothing with Airflow but a URL and a token."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.process import Process, clean_environment, program
from tests.support.waiting import NeverHappenedError, wait_until

LEAVING_SECONDS = 60.0
"""How long an agent may take to leave that was told to."""

REPORTED_SECONDS = 15.0
"""How long the last report of a job may take once all that it did is known."""

ENDED_SECONDS = 30.0
"""How long what is left may take to end once its agent has left."""

OPEN = f"""
[tasks]
run_as_user = "{pwd.getpwuid(os.geteuid()).pw_name}"

[commands]
allow = "shell"
new_privileges = true
env = ["*"]
run_as_user = "{pwd.getpwuid(os.geteuid()).pw_name}"
"""
"""A policy that forbids nothing: most tests are about other things."""


class AgentHost:
    """One host: a home directory, its own copy of the Dags, and `edge-agent run`.

    ``settings``: more environment variables, such as ``EDGE_AGENT_CAPABILITIES``. Nothing of the
    server's environment is there. ``policy``: text of its policy file; None: it has none. ``edge_agent``: the program
    as it is installed on the host; None: that of this environment, in which Airflow is, too.
    """

    def __init__(
        self,
        home: Path,
        *,
        url: str,
        name: str,
        token: str,
        queues: Sequence[str],
        slots: int = 4,
        dags: Path | None = None,
        settings: Mapping[str, str] | None = None,
        policy: str | None = OPEN,
        edge_agent: Path | None = None,
    ) -> None:
        self.home = home
        self.edge_agent = str(edge_agent or program("edge-agent"))
        self.name = name
        self.state = home / "state"
        self.dags = home / "dags"
        for directory in (home, self.dags, home / "airflow", home / "tmp"):
            directory.mkdir(parents=True, exist_ok=True)
        if dags is not None:
            self.copy_dags(dags)
        variables = {
            "TMPDIR": str(home / "tmp"),
            "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "EDGE_AGENT_URL": url,
            "EDGE_AGENT_NAME": name,
            "EDGE_AGENT_TOKEN": token,
            "EDGE_AGENT_QUEUES": ",".join(queues),
            "EDGE_AGENT_SLOTS": str(slots),
            "EDGE_AGENT_STATE_DIR": str(self.state),
        }
        if policy is not None:
            self.policy = home / "policy.toml"
            self.policy.write_text(policy, encoding="utf-8")
            variables["EDGE_AGENT_POLICY_FILE"] = str(self.policy)
        self.environment = clean_environment(home, **variables) | dict(settings or {})
        self.process = self._agent()

    def copy_dags(self, dags: Path) -> None:
        """Bring Dag files to the host, as its operator would."""
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(dags, self.dags, dirs_exist_ok=True, ignore=ignored)

    def start(self) -> Self:
        """Start the agent. Whether the server knows it by now is for the caller to wait for."""
        self.process.start()
        return self

    def stop(self, timeout: float = 30) -> int | None:
        """Ask the agent to drain, as a service manager does, and wait; then kill its group."""
        return self.process.stop(timeout, first=signal.SIGTERM)

    def crash(self) -> None:
        """SIGKILL the agent's own process and nothing else: its jobs and helpers live on."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def power_off(self) -> None:
        """SIGKILL everything on the host at once. Its files stay; :meth:`start` boots it again."""
        if self.process.is_running:
            # Processes die one after the other: the agent must not live to see, and report, its jobs go.
            self.suspend()
        self.process.kill_family()

    def suspend(self) -> None:
        """Stop the agent's process without ending it, as a frozen machine would; jobs go on."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a suspended agent go on."""
        self.process.send(signal.SIGCONT)

    def restart(self) -> Self:
        """Stop the agent in order and start it again, as an upgrade does."""
        self.stop()
        return self.start()

    def hand_over(self, timeout: float = LEAVING_SECONDS) -> int:
        """Start the next agent, which asks the present one to leave; return the exit code of that one.

        :raises NeverHappenedError: when it does not leave.
        """
        before = self.process
        self.process = self._agent("--handover")
        self.process.mark = before.mark  # the same host: what it pulls the plug of, it pulls for both
        self.process.start()
        return before.wait(timeout)

    def attempts(self) -> list[Path]:
        """Return the attempt directories."""
        return sorted((self.state / "attempts").iterdir())

    def pids(self) -> set[int]:
        """Return all processes of the host: the agent, its task host, jobs and what they started."""
        return self.process.family()

    def command_lines(self) -> list[str]:
        """Return what runs on the host, in words."""
        lines = []
        for pid in sorted(self.pids()):
            with suppress(OSError):
                lines.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
        return lines

    def output(self) -> str:
        """Return the agent's own log, over all its starts."""
        return self.process.output()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another `edge-agent` command on this host, such as ``check``, and return how it went."""
        command = [self.edge_agent, *arguments]
        return subprocess.run(
            command,
            check=False,
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def __enter__(self) -> Self:
        return self if self.process.is_running else self.start()

    def __exit__(self, *_: object) -> None:
        self.power_off()

    def _agent(self, *arguments: str) -> Process:
        return Process(
            f"agent {self.name}",
            [self.edge_agent, "run", *arguments],
            environment=self.environment,
            log=self.home / "agent.log",
            cwd=self.home,
        )


def leave(hosts: Collection[AgentHost]) -> list[str]:
    """Stop the agents of idle hosts in order; return what they left behind, in words."""
    complaints = []
    for host in hosts:
        with suppress(NeverHappenedError):  # the last report may still be on its way; what stays is said
            wait_until(host.attempts, until=lambda left: not left, what="all is reported", timeout=REPORTED_SECONDS)
        complaints += [f"left: attempt {path.name} on {host.name}" for path in host.attempts()]
        host.process.send(signal.SIGTERM)
    for host in hosts:
        try:
            code = host.process.wait(LEAVING_SECONDS)
        except NeverHappenedError:
            code = host.process.kill() or 1
        if code != 0:
            complaints.append(f"left: {host.name} ended with {code}")
        with suppress(NeverHappenedError):  # a task host that was not warm yet ends when it is
            wait_until(host.pids, until=lambda left: not left, what="all has ended", timeout=ENDED_SECONDS)
        complaints += [f"left: a process on {host.name}: {line}" for line in host.command_lines()]
    return complaints
