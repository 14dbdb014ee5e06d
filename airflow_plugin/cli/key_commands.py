"""What ``airflow edge-agent server-key`` does."""

from __future__ import annotations

import sys
from argparse import Namespace

from airflow_plugin.cli.command import RefusedError, command
from airflow_plugin.queue.signing_keys import signing_keys


@command
def show_keys(_args: Namespace) -> None:
    """Print the key that signs to standard output, and all others to standard error."""
    first, *others = signing_keys().published or (None,)
    if first is None:
        msg = "jobs are not signed: set [core] fernet_key, the same for every scheduler and API server"
        raise RefusedError(msg)
    print(first.key)
    print(f"Hosts call it {first.id}.", file=sys.stderr)
    for other in others:
        print(f"Still good, and to go with its Fernet key: {other.key} ({other.id})", file=sys.stderr)
