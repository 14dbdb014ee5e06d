"""``docs/benchmarks-attacks.md``: one table, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.bench.attacks.attack import ATTACKS, Attempt
from tests.bench.document import circumstances

PAGE = "benchmarks-attacks.md"

_HEAD = """\
<!-- Written by `make bench-attacks`: do not edit. -->
# The same attacks, side by side

A host is stolen. Stock edge3 and this project meet the same attacks in one run, on the same machine, with the same
Airflow packages. The attacker has what one host has and nothing else: of edge3 the environment of a worker, which
has to hold `[api_auth] jwt_secret`; of this project a copy of the agent's whole disk, made while it ran a task, with
its token and its state directory. Every line is what real servers answered to real requests.
"""

_HOW = """\
## How it is made

- Each system has two hosts, `stolen` and `neighbour`, each with a queue of its own. Both run a task, and for each
  another one waits. Users have to log in.
- On edge3 a program signs tokens with the secret of the stolen worker. What runs where, and under which ids, it
  finds out by itself.
- On this project the attacker runs our own agent's program on the copied disk, so that whatever a host can prove, it
  can prove as well. In addition it is told the neighbour's assignment, which stands on no other host.
- Everything on the disk that could be a secret is shown to the public API and the Execution API, and tokens are
  signed with it.
- The tokens of ours are for one name and one queue each (`tokens create NAME --queues QUEUE --agents NAME`), but
  for the line that says otherwise.
- Ours would cut off an address after 60 refused requests in a minute (`failed_logins_per_minute`). That is switched
  off, so that each attack meets what stands against it alone.
- edge3 is as it comes. With `[edge] trusted_jwks_url` and an identity provider of your own no secret needs to be on
  its hosts, and what needs a signature is refused; such a token is not bound to the name or queue of a worker.
"""

_LEFT = """\
## What works against this project, too

- **The host's own work is the attacker's** until the token is revoked: whoever has the disk takes jobs of its queues
  and reports of them what it likes.
- **Any connection and variable of the team can be read by way of such a job**, if it is a task: Airflow's Execution
  API gives them to every running task, on every kind of worker. A token can bound which, and to revoke it ends it.

What follows for assets, actors and boundaries: the [threat model](explanation/threat-model.md).
"""

_REPEAT = """\
## Repeat it

```sh
make bench-attacks    # a few minutes; writes this page
```

It makes its own Postgres and two Airflows on free ports, keeps their files below `.bench-attacks`, and ends all of
them also when it fails or is interrupted.
"""


def page(ours: Sequence[Attempt], edge3: Sequence[Attempt], minutes: float, load_before: float) -> str:
    """Return the page."""
    return "\n".join(
        [_HEAD, circumstances(minutes, load_before), table(_by_key(ours), _by_key(edge3)), _HOW, _LEFT, _REPEAT]
    )


def table(ours: Mapping[str, Attempt], edge3: Mapping[str, Attempt]) -> str:
    """Return a row for each attack: what became of it, and the answers (HTTP statuses)."""
    rows = ["| attack | edge3 | answered | ours | answered |", "| --- | --- | --- | --- | --- |"]
    for key, title in ATTACKS.items():
        cells = [cell for attempt in (edge3[key], ours[key]) for cell in (f"**{attempt.verdict}**", attempt.answer)]
        rows.append(f"| {title} | {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join([*rows, ""])


def _by_key(attempts: Sequence[Attempt]) -> dict[str, Attempt]:
    return {attempt.key: attempt for attempt in attempts}


def words(attempts: Sequence[Attempt]) -> str:
    """Return what came of the attacks on one system, for a terminal."""
    return "\n".join(f"{each.key:<15} {each.verdict:<9} {each.answer}" for each in attempts)
