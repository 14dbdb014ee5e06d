"""``python -m tests.gen [--check]``: write what is generated, or fail with a diff when something is stale."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings

from tests.support.fernet import FERNET_KEY


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.gen", description="Write what is generated.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something is stale")
    check: bool = parser.parse_args().check
    with tempfile.TemporaryDirectory(prefix="edge-agent-gen-") as home:
        _stand_alone(home)
        # Reads Airflow's environment, which has to be ours by then.
        from tests.gen import pages

        if not check:
            for path in pages.write():
                print(f"written: {path}")
            return 0
        diffs = pages.stale()
        if diffs:
            print("\n".join(diffs))
            print("Something generated is stale: run `make gen`.", file=sys.stderr)
        return 1 if diffs else 0


def _stand_alone(home: str) -> None:
    """Let nothing of this machine's Airflow or agent be seen."""
    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "EDGE_AGENT_"))]:
        del os.environ[name]
    os.environ["AIRFLOW_HOME"] = home
    os.environ["AIRFLOW__CORE__FERNET_KEY"] = FERNET_KEY
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    # Airflow's Execution API imports starlette's test client, which wants another httpx.
    warnings.filterwarnings("ignore", "Using `httpx` with `starlette.testclient` is deprecated")


if __name__ == "__main__":
    sys.exit(main())
