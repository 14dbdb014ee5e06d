"""What ``airflow edge-agent db`` does: ``airflow db downgrade`` knows Airflow's own tables only."""

from __future__ import annotations

from argparse import Namespace

from airflow_plugin.cli.command import RefusedError, command, is_sure
from airflow_plugin.compat import create_session
from airflow_plugin.db import RELEASES, EdgeAgentDBManager, require_supported

GONE = "what only a newer release keeps in them is lost"


@command
def downgrade(args: Namespace) -> None:
    """Take the tables back to those of an earlier release, or print the statements that would."""
    revision = RELEASES.get(args.target, args.target)
    with create_session(scoped=False) as session:
        require_supported(session.get_bind().dialect.name)
        manager = EdgeAgentDBManager(session)
        known = {each.revision for each in manager.get_script_object().walk_revisions()} | {"base"}
        if revision not in known:
            there_are = ", ".join([*RELEASES, *sorted(known)])
            msg = f"{args.target!r} is no release or revision to go back to, only {there_are}"
            raise RefusedError(msg)
        if args.show_sql_only:
            manager.downgrade(revision, from_revision=manager.get_current_revision(), show_sql_only=True)
            return
        question = f"Take the tables of airflow-edge-agent back to revision {revision}? Stop schedulers and API servers"
        if not args.yes and not is_sure(f"{question} first; {GONE}. [y/N] "):
            msg = "nothing was changed"
            raise RefusedError(msg)
        manager.downgrade(revision)
    print(f"The tables are those of revision {revision}. Install their release before anything is started.")
