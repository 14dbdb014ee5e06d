"""Run it: ``PROMISE=4 python -m tests.broken_promises``, or `make broken-promises`; all promises where none is named.

First everything is tried as it is, and must be green. Then each breakage is tried, and ends with the first tests
that notice, twice: the slow ones are asked last. With ``FULL=1`` all tests are asked, and those that
noticed nothing at all are named. Exit code 1 when something was not noticed, or when a test noticed nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.broken_promises.breakages import SLOW, Breakage, breakages, named_tests, promises
from tests.broken_promises.tree import Outcome, Tree
from tests.support.process import watch_over_children

SAID_CHARACTERS = 160


def main() -> int:
    """Try, break, and tell."""
    watch_over_children()
    wanted = [int(each) for each in os.environ.get("PROMISE", "").split(",") if each] or list(promises())
    full = os.environ.get("FULL", "0") not in ("", "0")
    with tempfile.TemporaryDirectory(prefix="broken-promises-") as home:
        Path(home).chmod(0o755)  # the tests' Postgres runs as somebody else where they run as root
        tree = Tree(Path(home))
        whole = tree.run([test for promise in wanted for test in named_tests(promise)])
        _tell("nothing is broken", whole)
        if any(each.is_red for each in whole):
            return 1
        found = [(each, _noticed(tree, each, full=full)) for each in breakages() if each.promise in wanted]
    _draw(found)
    complaints = [f"Nobody noticed: {each.what}" for each, red in found if not red]
    if full:
        red = {each.test for _, outcomes in found for each in outcomes}
        named = [test for promise in wanted for test in named_tests(promise)]
        complaints += [f"Noticed nothing: {test}" for test in named if test not in red]
    print("\n".join(complaints))
    return 1 if complaints else 0


def _noticed(tree: Tree, breakage: Breakage, *, full: bool) -> list[Outcome]:
    """Return the tests that turned red."""
    tests = named_tests(breakage.promise)
    last = [test for test in tests if test.startswith(SLOW)]
    stages = [tests] if full else [[test for test in tests if test not in last], last]
    with tree.broken(breakage.file, breakage.old, breakage.new):
        for stage in filter(None, stages):
            begin = time.monotonic()
            outcomes = tree.run(stage)
            _tell(f"{breakage.promise}. {breakage.what} ({time.monotonic() - begin:.0f} s)", outcomes)
            if red := _confirmed(tree, outcomes):
                return red
    return []


def _confirmed(tree: Tree, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return those that are red a second time: once may be a race, or a busy machine, and proves little."""
    red = [each for each in outcomes if each.is_red]
    again = tree.run(list(dict.fromkeys(each.test for each in red))) if red else []
    confirmed = {each.name for each in again if each.is_red}
    for each in red:
        if each.name not in confirmed:
            print(f"    not again: {each.name}", flush=True)
    return [each for each in red if each.name in confirmed]


def _tell(what: str, outcomes: Sequence[Outcome]) -> None:
    red = [each for each in outcomes if each.is_red]
    print(f"\n{what}: {len(red)} of {len(outcomes)} red", flush=True)
    for each in red:
        print(f"    {each.name} ({each.seconds:.0f} s): {each.said[:SAID_CHARACTERS]}", flush=True)


def _draw(found: Sequence[tuple[Breakage, Sequence[Outcome]]]) -> None:
    print("\n| promise | broken | in | red |\n| --- | --- | --- | --- |")
    for breakage, red in found:
        names = ", ".join(dict.fromkeys(f"`{each.function}`" for each in red))
        print(f"| {breakage.promise} | {breakage.what} | `{breakage.file}` | {names or 'NOTHING'} |")


if __name__ == "__main__":
    sys.exit(main())
