"""Say where this host would find Dags, for ``edge-agent check``. Run as a child: it imports Airflow.

Prints one JSON object: ``airflow``, its version, and ``bundles``, each with ``name``, ``kind`` and ``path``;
the path is null where only a task would fetch the Dags.
"""

from __future__ import annotations

import json
import sys


def main() -> int:
    """Print it; what goes wrong is Airflow's own message, on standard error."""
    from airflow import __version__
    from airflow.dag_processing.bundles.local import LocalDagBundle
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    manager = DagBundlesManager()
    bundles = [
        {
            "name": bundle.name,
            "kind": type(bundle).__name__,
            "path": str(bundle.path) if isinstance(bundle, LocalDagBundle) else None,
        }
        for bundle in manager.get_all_dag_bundles()
    ]
    # A last line of its own: Airflow logs to the same stream.
    sys.stdout.write("\n" + json.dumps({"airflow": __version__, "bundles": bundles}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
