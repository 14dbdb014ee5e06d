"""``docs/benchmarks-fairness.md``: one table, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.document import circumstances
from tests.bench.fairness.clients import CONNECTIONS, PACE_SECONDS
from tests.bench.figures import percentile, shown

PAGE = "benchmarks-fairness.md"
NEIGHBOURS = 10
SECONDS = 20.0
LIMIT = 1_200
"""Requests in a minute with one token. Each neighbour makes 120."""
BAR_SECONDS = 1.0
"""As long as an agent waits for the answer to a beat when its interval is short (``BEAT_LEAST_SECONDS``)."""

_TEXT = """\
<!-- Written by `make bench-fairness`: do not edit. -->
# One agent floods

What an agent that has gone wild, or is in wrong hands, costs the others on the same API server.
{neighbours} agents poll every {pace:g} s, each poll with a beat on it; an answer's time counts from when its poll was
due. Beside them one agent does the same without a pause, on {connections} connections, whatever `Retry-After` says.

{circumstances}
| the others' answers | p50 | p99 | slowest | p50 to calm | p99 to calm | all of the flood, requests per second |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
{rows}

Bar: p99 within {bar:g} s while the flood is refused, as long as an agent waits for the answer to a beat where its
interval is short: {verdict}. No request of the others failed or was refused in any row: the run ends where one does.

- "Refused": `[edge_agent] requests_per_minute = {limit:,}`, measured from the first 429 on. A refusal is an answer too:
  what is left of the cost is that of reading requests and saying no, and of the CPU that the flood itself takes on the
  same machine.
- "Served": no limit. With the default of 12,000 a minute this is what the others see until a flood has used that up,
  in each minute anew.
- What holds on any machine, that the flood gets 429 while all verbs of another agent are answered, is a test:
  `tests/integration/api/test_limits.py`.

## Repeat it

```sh
make bench-fairness    # a few minutes; writes this page
```
"""


@dataclass(frozen=True)
class Stretch:
    """How long the others' answers took, and what the flood got meanwhile."""

    seconds: list[float]
    served: int = 0
    refused: int = 0
    lasted: float = 0.0


def page(calm: Stretch, refused: Stretch, served: Stretch, minutes: float, load_before: float) -> str:
    """Return the page."""
    rows = [_row("nobody floods", calm, calm), _row("refused", refused, calm), _row("served", served, calm)]
    return _TEXT.format(
        neighbours=NEIGHBOURS,
        pace=PACE_SECONDS,
        connections=CONNECTIONS,
        circumstances=circumstances(minutes, load_before),
        rows="\n".join(rows),
        bar=BAR_SECONDS,
        verdict="met" if percentile(refused.seconds, 99) <= BAR_SECONDS else "**not met**",
        limit=LIMIT,
    )


def _row(name: str, stretch: Stretch, calm: Stretch) -> str:
    p50, p99 = (percentile(stretch.seconds, percent) for percent in (50, 99))
    times = [f"{shown(value * 1000)} ms" for value in (p50, p99, max(stretch.seconds))]
    ratios = [f"{shown(value / percentile(calm.seconds, percent))} x" for value, percent in ((p50, 50), (p99, 99))]
    flood = "" if stretch is calm or not stretch.lasted else _rates(stretch)
    return f"| {' | '.join([name, *times, *ratios, flood])} |"


def _rates(stretch: Stretch) -> str:
    return f"{shown(stretch.served / stretch.lasted)} served, {shown(stretch.refused / stretch.lasted)} refused"
