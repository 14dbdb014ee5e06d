"""The audit of the logs: of each task that succeeded, every line once and in order, as Airflow's page shows it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.audit import Books
from tests.support.airflow_rest import AirflowRest, DagRun

LINE = re.compile(r"^line (\d+)$", re.MULTILINE)
TOTAL = re.compile(r"^(\d+) lines in all$", re.MULTILINE)


def complaints(books: Books, rest: AirflowRest) -> Iterator[str]:
    """Read the logs of all runs that succeeded, and say what is missing or doubled."""
    jobs = defaultdict(list)
    for job in books.jobs:
        jobs[job.dag_id, job.run_id, job.try_number].append(job)
    for run in books.runs:
        last_try = max((each[2] for each in jobs if each[:2] == (run.dag_id, run.run_id)), default=0)
        # A job that was taken from its agent had its log taken, too, whatever its task told Airflow.
        if run.state == "success" and all(job.state == "succeeded" for job in jobs[run.dag_id, run.run_id, last_try]):
            log = DagRun(rest, run.dag_id, run.run_id).log("entry", last_try)
            if problem := fault_of(log):
                yield f"log: {run.dag_id} {run.run_id} try {last_try} {problem}"


def fault_of(log: str) -> str | None:
    """Return what is wrong with a log, in words; None when it is whole."""
    totals = [int(number) for number in TOTAL.findall(log)]
    if len(totals) != 1:
        return f"says {len(totals)} times how many lines it has"
    numbers = [int(number) for number in LINE.findall(log)]
    if numbers != list(range(totals[0])):
        missing = sorted(set(range(totals[0])) - set(numbers))
        doubled = len(numbers) - len(set(numbers))
        return f"has {len(numbers)} of {totals[0]} lines: {len(missing)} are missing, {doubled} come twice"
    return None
