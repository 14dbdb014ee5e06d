"""Let both systems meet the attacks: ``python -m tests.bench.attacks``, or `make bench-attacks`."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from tests.bench.attacks import page
from tests.bench.attacks.stage import attack_edge3, attack_ours, lock, write_dags
from tests.bench.systems import both
from tests.support.process import left_behind

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".bench-attacks"
"""Where all files of a run are; made anew by each."""


def main() -> int:
    """Run, and write the page."""
    begin, load = time.monotonic(), os.getloadavg()[0]
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    with both(HOME, write_dags, lock) as (_, stock, ours):
        for system in (stock, ours):
            system.bed.rest.wait_for_dags(system.dag_ids)
        print("both systems are up", file=sys.stderr, flush=True)
        on_ours = attack_ours(ours, HOME / "our-hosts")
        print(page.words(on_ours), file=sys.stderr, flush=True)
        on_edge3 = attack_edge3(stock, HOME / "stock-hosts")
    left = left_behind()
    assert not left, "processes left behind:\n" + "\n".join(left)
    text = page.page(on_ours, on_edge3, (time.monotonic() - begin) / 60, load)
    (ROOT / "docs" / page.PAGE).write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
