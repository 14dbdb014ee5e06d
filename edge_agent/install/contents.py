"""What stands in the files that are written once, and are their owner's from then on."""

from __future__ import annotations

from pathlib import Path

POLICY = """\
# What may run on this host. No server can change it, and edge-agent install never does once it is there.
# As it stands, Airflow's tasks run as the agent's user (as root they do not), and no commands.

# [[command]]
# name = "load"
# argv = ["/usr/local/bin/load", "{day:date}"]
"""


def environment(state_dir: Path) -> str:
    """Return the variables that an agent is started with, and its tasks with it."""
    return f"""\
# Variables that the agent is started with, NAME=value, one a line. Tasks get them, too.
# A value with blanks or quotes in it stands in single quotes.
AIRFLOW_HOME={state_dir}/airflow
# Where tasks find their Dags:
#AIRFLOW__CORE__DAGS_FOLDER=/srv/dags
# The way out, where there is a proxy:
#HTTPS_PROXY=http://proxy:3128
"""
