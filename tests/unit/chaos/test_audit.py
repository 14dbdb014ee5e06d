"""The audit complains of each kind of broken promise: one that never complained would prove nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.chaos.audit import Books, Line

AT = iter(range(10_000))


def line(event, *, pid=1, try_number=1, beside=(), kind="short"):
    return Line(event, "run-1", f"chaos_{kind}", try_number, pid, 7, "agent-1", float(next(AT)), beside)


def run(state="success", kind="short"):
    return SimpleNamespace(dag_id=f"chaos_{kind}", run_id="run-1", state=state)


def job(*, try_number=1, state="succeeded", reason="exit", settled=True, kind="short", confirmed=True):
    ended_at = None if state in ("queued", "offered", "running") else 2.0
    return SimpleNamespace(
        run_id="run-1",
        dag_id=f"chaos_{kind}",
        try_number=try_number,
        state=state,
        reason=reason,
        settled=settled,
        owner="1",
        agent_name="agent-1",
        confirmed_at=1.0 if confirmed else None,
        ended_at=ended_at,
    )


def test_a_run_as_it_should_be_is_no_complaint():
    assert Books([line("start"), line("end")], [run()], [job()]).complaints() == []


def test_a_retry_after_a_lost_agent_may_find_the_process_that_was_cut_off():
    ledger = [line("start"), line("start", pid=2, try_number=2, beside=(1,)), line("end", pid=2, try_number=2)]
    jobs = [job(state="failed", reason="agent_lost"), job(try_number=2)]
    assert Books(ledger, [run()], jobs).complaints() == []


@pytest.mark.parametrize(
    ("complaint", "books"),
    [
        ("stuck: chaos_short run-1 is still running", Books([line("start")], [run("running")], [job()])),
        ("is running, not settled", Books([line("start"), line("end")], [run()], [job(state="running")])),
        ("is succeeded, not settled", Books([line("start"), line("end")], [run()], [job(settled=False)])),
        ("wrong end: chaos_short", Books([line("start"), line("end")], [run("failed")], [job()])),
        ("wrong end: chaos_failing", Books([], [run("success", "failing")], [])),
        (
            "twice: try 1 of chaos_short run-1 ran when try 1 began",
            Books([line("start"), line("start", pid=2, beside=(1,)), line("end", pid=2)], [run()], [job(), job()]),
        ),
        (
            "twice: try 1 of chaos_short run-1 ran when try 2 began",
            Books(
                [line("start"), line("start", pid=2, try_number=2, beside=(1,)), line("end", pid=2)],
                [run()],
                [job(state="failed"), job(try_number=2)],
            ),
        ),
        ("started 2 times and was confirmed 1", Books([line("start"), line("start"), line("end")], [run()], [job()])),
        ("no end: chaos_short run-1 succeeded", Books([line("start")], [run()], [job()])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_must_not_be_is_complained_of(complaint, books):
    assert any(complaint in each for each in books.complaints()), books.complaints()
