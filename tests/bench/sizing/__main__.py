"""Run it: ``python -m tests.bench.sizing``, or `make bench-sizing`. Some seven minutes; writes the page in the docs.

With ``QUICK=1`` in the environment it only tries the harness: small numbers, nothing is written to the docs.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from tests.support.fernet import FERNET_KEY
from tests.support.postgres import Postgres
from tests.support.process import left_behind

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".bench-sizing"
"""Where all files of a run are; made anew by each."""


def main() -> int:
    """Measure, print, write."""
    os.environ |= {"AIRFLOW_HOME": str(HOME / "home"), "AIRFLOW__CORE__FERNET_KEY": FERNET_KEY}
    # These read Airflow's environment, which has to be ours by then.
    from tests.bench.sizing.crowd import measure_crowd
    from tests.bench.sizing.host import measure_host
    from tests.bench.sizing.page import PAGE, Findings, page
    from tests.bench.sizing.server import running
    from tests.bench.sizing.storage import measure_storage

    is_quick = os.environ.get("QUICK", "0") not in ("", "0")
    counts, seconds = ((0, 20), 6.0) if is_quick else ((0, 100, 500), 20.0)
    begin, load_before = time.monotonic(), os.getloadavg()[0]
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()

    def say(what: object) -> None:
        print(f"[{time.monotonic() - begin:5.0f} s] {what}", file=sys.stderr, flush=True)

    findings = Findings([], [])
    with Postgres() as postgres:
        findings.storage = measure_storage(postgres)
        say(findings.storage)
        for heartbeat, crowds in ((10, counts), (30, counts[-1:])):
            with running(postgres, HOME / f"every-{heartbeat}", heartbeat) as server:
                findings.hosts.append(measure_host(server, seconds * 1.5))
                say(findings.hosts[-1])
                for count in crowds:
                    findings.crowds.append(measure_crowd(server, count, seconds))
                    say(findings.crowds[-1])
    left = left_behind()
    assert not left, "processes left behind:\n" + "\n".join(left)
    text = page(findings, seconds, (time.monotonic() - begin) / 60, load_before)
    print(text)
    if not is_quick:
        (ROOT / "docs" / PAGE).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
