"""Why ours is worse where it is. A place without a reason stands out in the page, and fails the run."""

from __future__ import annotations

from tests.bench.commands.figures import Reasons
from tests.bench.commands.sides import Family

_QUEUE = (
    "A local shell is a child of the task's own process. A command of ours crosses the queue: it is submitted, "
    "offered to an agent, confirmed and started by a wrapper that outlives the agent, and its end is reported back."
)
_ALL_OF_IT = (
    "SSHRemoteJobOperator reads 64 KiB of the log at each poll and once more at the end, and leaves the rest on the "
    "host: it is done sooner because it does less. See the share of the lines."
)
_AGENT = (
    "sshd is a small program in C, and does nothing but connect. The agent is a Python process that is there all the "
    "time; it keeps the queue's promises (what was confirmed is run once, its log and its end survive restarts and "
    "outages of either end) without any port open on the host."
)

REASONS: Reasons = {
    ("start", Family.BASH): _QUEUE,
    ("end", Family.BASH): _QUEUE,
    ("crowd", Family.BASH): (
        "Each command crosses the queue, which takes CPU of the API server and of the agent besides that of the task; "
        "with few CPUs for all of them, that decides how long many at once take. A command that has not ended after "
        "three seconds is deferred, and needs a second process on a worker for its end."
    ),
    ("log_seconds", Family.BASH): (
        "The same lines go further: from the host to the API server, into the database, and from there to the task's "
        "log. BashOperator reads them from a pipe."
    ),
    ("log_speed", Family.BASH): (
        "The same lines go further: from the host to the API server, into the database, and from there to the task's "
        "log. BashOperator reads them from a pipe."
    ),
    ("log_seconds", Family.SSH): _ALL_OF_IT,
    ("host_idle", Family.SSH): _AGENT,
    ("host_one", Family.SSH): _AGENT,
    ("host_added", Family.SSH): (
        "Each command of ours has a wrapper, a small Python process that outlives the agent: it keeps the output, the "
        "time limit and the exit code through restarts and upgrades of the agent, and ends what the command started. "
        "With ssh that is a shell that writes files, and knows no time limit."
    ),
    ("waiting_server", Family.SSH): (
        "What is waited for is in the queue, and the queue is the API server's: it is that which looks whether a "
        "command has news. With ssh the triggerer asks the hosts itself; see its own CPU, and that on the host."
    ),
}
