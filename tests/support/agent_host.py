"""A host with an agent, that shares nothing with Airflow but a URL and a token."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.process import Process, clean_environment, program

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
    server's environment is there. ``policy``: text of its policy file; None: it has none.
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
    ) -> None:
        self.home = home
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
        self.process = Process(
            f"agent {name}",
            [program("edge-agent"), "run"],
            environment=self.environment,
            log=home / "agent.log",
            cwd=home,
        )

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
        command = [program("edge-agent"), *arguments]
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
