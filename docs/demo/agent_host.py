"""The host: an agent with a home and Dag files of its own, that shares a URL and a token with the site."""

from __future__ import annotations

import getpass
import shutil
import signal
from pathlib import Path

from programs import Program, end, environment

ENDED_WITHIN_SECONDS = 10.0


class AgentHost:
    """One host. ``given``: the variables its agent is started with, over a home and a path."""

    def __init__(self, home: Path, dags: Path, *, name: str, queue: str, url: str, token: str) -> None:
        self.home = home
        self.name = name
        for directory in ("airflow", "tmp"):
            (home / directory).mkdir(parents=True)
        # As a bundle would bring them: a host reads its own copy of the Dag files.
        shutil.copytree(dags, home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        (token_file := home / "agent.token").touch(mode=0o600)
        token_file.write_text(token, encoding="ascii")
        # What may run there, its owner says; as root only what he names, which this demo does.
        (policy := home / "policy.toml").write_text(f'[tasks]\nrun_as_user = "{getpass.getuser()}"\n', encoding="utf-8")
        self.given = {
            "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "EDGE_AGENT_NAME": name,
            "EDGE_AGENT_POLICY_FILE": str(policy),
            "EDGE_AGENT_QUEUES": queue,
            "EDGE_AGENT_SLOTS": "4",
            "EDGE_AGENT_STATE_DIR": str(home / "state"),
            "EDGE_AGENT_TOKEN_FILE": str(token_file),
            "EDGE_AGENT_URL": url,
            # The demo ends when it is told to, whatever still runs.
            "EDGE_AGENT_DRAIN_TIMEOUT_SECONDS": "0",
            "TMPDIR": str(home / "tmp"),
        }
        self.agent = Program(
            "edge-agent",
            ["edge-agent", "run"],
            environment=environment(home, **self.given),
            home=home,
            log=home / "edge-agent.log",
        )

    def start(self) -> None:
        """Start the agent."""
        self.agent.start()

    @property
    def has_left(self) -> bool:
        """Whether the agent has ended in order, as it does when an admin drains it."""
        return self.agent.exit_code == 0

    def must_run(self) -> None:
        """Raise when the agent has ended.

        :raises DemoFailedError: with its log.
        """
        self.agent.must_run()

    def end(self) -> None:
        """Ask the agent to leave, as a service manager does, and wait a little."""
        end([self.agent], signal.SIGTERM, ENDED_WITHIN_SECONDS)
