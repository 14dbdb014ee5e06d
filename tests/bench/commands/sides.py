"""The sides: the operators that are compared, each as its users write it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

QUEUE = "bench"
"""The queue that the agent serves."""
NOBODY = "nobody"
"""A queue that it does not: what is submitted there waits."""
AGENT_CONNECTION = "bench_agent"
SSH_CONNECTION = "bench_ssh"


class Family(StrEnum):
    """Whose operator a side is."""

    BASH = "bash"
    SSH = "ssh"
    OURS = "ours"


@dataclass(frozen=True)
class Side:
    """One operator with its parameters. ``arguments``: Python, in which JOBS is a directory for what ssh leaves."""

    key: str
    name: str
    family: Family
    operator: str
    arguments: str = ""
    defers: bool = True


_SSH = f'ssh_conn_id="{SSH_CONNECTION}", remote_base_dir=JOBS'
_OURS = f'edge_agent_conn_id="{AGENT_CONNECTION}", queue="{QUEUE}"'

BASH = Side("bash", "BashOperator", Family.BASH, "BashOperator", defers=False)
SSH = Side("ssh", "SSHRemoteJobOperator", Family.SSH, "SSHRemoteJobOperator", _SSH)
SSH_FAST = Side(
    "ssh1", "SSHRemoteJobOperator, polls every 1 s", Family.SSH, "SSHRemoteJobOperator", f"{_SSH}, poll_interval=1"
)
DEFERRED = Side(
    "deferred", "edge agent, deferred", Family.OURS, "EdgeAgentCommandOperator", f"{_OURS}, deferrable=True"
)
WORKER = Side(
    "worker", "edge agent, on a worker", Family.OURS, "EdgeAgentCommandOperator", f"{_OURS}, deferrable=False", False
)

SIDES = (BASH, SSH, SSH_FAST, DEFERRED, WORKER)
"""In the order of the table."""

IMPORTS = {
    "BashOperator": "airflow.providers.standard.operators.bash",
    "SSHRemoteJobOperator": "airflow.providers.ssh.operators.ssh_remote_job",
    "EdgeAgentCommandOperator": "airflow_plugin.operators.edge_agent_command",
}
