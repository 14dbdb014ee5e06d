"""How to run an agent that is installed on a host without systemd: what to put where, ready to be pasted.

All of them run one small script, which reads the environment file as systemd does by itself. None of them kills
jobs: these lead sessions of their own, which no process group of a service manager reaches.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

from edge_agent.install.layout import Layout
from edge_agent.install.systemd import MARK, stop_seconds


@dataclass(frozen=True)
class Service:
    """What there is to run. ``drain_seconds``: how long it waits for its work when it is told to stop."""

    layout: Layout
    user: str
    program: Path
    drain_seconds: float

    @property
    def log(self) -> Path:
        """The agent's own log."""
        return self.layout.log_folder / "agent.log"


def in_words(service: Service) -> str:
    """Return what to do, for each way of doing it."""
    ways = (
        ("in the foreground, to look at it", foreground(service)),
        (f"under supervisord, in /etc/supervisor/conf.d/{service.layout.name}.conf", supervisord(service)),
        (f"under runit, in /etc/sv/{service.layout.name}/run (mode 0755)", runit_run(service)),
        (f"and in /etc/sv/{service.layout.name}/finish (mode 0755)", runit_finish()),
        (f"under OpenRC, in /etc/init.d/{service.layout.name} (mode 0755)", openrc(service)),
    )
    head = "systemd does not run here. Run the agent in one of these ways:\n"
    return head + "".join(f"\n{where}:\n\n{indent(text, '    ')}" for where, text in ways)


def start_script(layout: Layout, program: Path) -> str:
    """Return the script that becomes the agent, with the variables of the environment file.

    Service managers other than systemd change the user, and leave him the home of root, in which jobs would begin.
    """
    return f"""\
#!/bin/sh
{MARK}: becomes the agent, with the variables of the environment file.
set -a
USER=$(id -un) LOGNAME=$(id -un) HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
. {layout.environment}
exec {program} run --config {layout.settings}
"""


def foreground(service: Service) -> str:
    """Return the command for a shell of root."""
    return f"runuser -u {service.user} -- {service.layout.start}\n"


def supervisord(service: Service) -> str:
    """Return a program of supervisord, which rotates the log by itself."""
    return f"""\
[program:{service.layout.name}]
command={service.layout.start}
user={service.user}
directory=/
autorestart=unexpected
; 0: it was told to leave. After 2 to 6 a restart changes nothing.
exitcodes=0,2,3,4,5,6
startsecs=0
; SIGTERM drains: longer than drain_timeout_seconds.
stopsignal=TERM
stopwaitsecs={stop_seconds(service.drain_seconds)}
; Jobs outlive the agent.
stopasgroup=false
killasgroup=false
redirect_stderr=true
stdout_logfile={service.log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=5
"""


def runit_run(service: Service) -> str:
    """Return the run script of runit."""
    return f"""\
#!/bin/sh
exec 2>&1
exec chpst -u {service.user} {service.layout.start}
"""


def runit_finish() -> str:
    """Return the script that runit asks when the agent has ended. By itself it starts everything again."""
    return """\
#!/bin/sh
# 0: it was told to leave. After 2 to 6 a restart changes nothing. Else it is started again.
case $1 in
    0 | [2-6]) sv down . ;;
    *) sleep 5 ;;
esac
"""


def openrc(service: Service) -> str:
    """Return the script of OpenRC, which starts the agent anew whenever it ends by itself."""
    return f"""\
#!/sbin/openrc-run
description="Airflow edge agent"
supervisor=supervise-daemon
command={service.layout.start}
command_user={service.user}
respawn_delay=5
respawn_max=0
# SIGTERM drains: longer than drain_timeout_seconds.
retry="TERM/{stop_seconds(service.drain_seconds)}"
output_log={service.log}
error_log={service.log}
start_pre() {{
    # supervise-daemon opens it as the agent's user, who may make no file there.
    checkpath --file --owner {service.user} --mode 0640 {service.log}
}}
depend() {{
    need net
}}
"""


def rotation(layout: Layout) -> str:
    """Return what logrotate is to do with a log that is written to a file by whoever runs the agent.

    ``copytruncate``: nobody tells the agent's service manager to open another file.
    """
    return f"""\
{MARK}, for a log that goes to a file. supervisord rotates its own, journald needs nothing of the kind.
{layout.log_folder}/agent.log {{
    weekly
    maxsize 10M
    rotate 5
    missingok
    notifempty
    compress
    delaycompress
    copytruncate
}}
"""
