"""Commands outlast whoever watches them: nothing runs twice, and no line is lost."""

from __future__ import annotations

from itertools import accumulate, count, takewhile

import pytest

from tests.e2e.commands import Commands, command_host, lines_of
from tests.e2e.holding import is_gone
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.minutes, pytest.mark.timeout(400)]
SAY = "for i in $(seq {first} {last}); do echo line $i; done"


@pytest.fixture(scope="module")
def commands(bed, make_host):
    it = Commands(bed)
    it.connect()
    with command_host(make_host, "bare-2", "bare"):
        yield it


@pytest.fixture
def restart_triggerer(bed):
    yield lambda: bed.start("triggerer")
    if not bed.parts["triggerer"].process.is_running:
        bed.start("triggerer")


def numbered(first, last):
    return [f"line {number}" for number in range(first, last + 1)]


def test_a_killed_triggerer_starts_nothing_again_and_its_successor_goes_on_in_the_log(
    commands, bed, restart_triggerer, tmp_path
):
    """Where nothing is on its way, no line is missing and none is there twice."""
    gate = f"until [ -e {tmp_path}/go ]; do sleep 0.1; done"
    first, then, last = (SAY.format(first=a, last=b) for a, b in ((1, 3), (4, 50), (51, 100)))
    said = f"{first}; sleep 5; {then}; {gate}; {last}"
    run = commands.run("command_deferred", f"echo start >> {tmp_path}/ledger; {said}; sleep 4; echo line 101")
    run.wait_for_task("run", "deferred", timeout=90)
    run.wait_for_log("run", "line 50", timeout=60)
    bytes_said = sum(len(f"{line}\n") for line in numbered(1, 50))
    wait_until(
        lambda: commands.job(run)["read_offset"],
        until=lambda offset: offset == bytes_said,
        what="the queue knows what was logged",
        timeout=30,
    )
    bed.kill("triggerer")
    (tmp_path / "go").touch()
    restart_triggerer()
    assert run.wait(timeout=200) == "success"
    log = run.wait_for_log("run", "line 101")
    assert lines_of(log, r"line \d+") == numbered(1, 101)
    assert (tmp_path / "ledger").read_text().split() == ["start"]


def test_a_triggerer_that_is_killed_while_lines_come_loses_none_and_repeats_only_the_last(
    commands, bed, restart_triggerer, tmp_path
):
    talk = f"i=0; until [ -e {tmp_path}/stop ]; do i=$((i+1)); echo line $i; sleep 0.1; done"
    run = commands.run("command_deferred", f"echo start >> {tmp_path}/ledger; {talk}; sleep 4; echo end")
    run.wait_for_task("run", "deferred", timeout=90)

    def settled() -> int:
        """Return how many lines the queue has been told are in the task's log."""
        offset, ends = commands.job(run)["read_offset"], accumulate(len(f"line {n}\n") for n in count(1))
        return sum(1 for _ in takewhile(lambda end: end <= offset, ends))

    wait_until(lambda: settled() >= 100, what="the queue knows of 100 lines in the log", timeout=90)
    known = settled()
    bed.kill("triggerer")
    said = len(lines_of(run.log("run"), r"line \d+"))
    restart_triggerer()
    before = len(lines_of(run.log("run"), r"line \d+"))
    wait_until(
        lambda: len(lines_of(run.log("run"), r"line \d+")) > before + 50,
        what="the log goes on",
        timeout=120,
        interval=1,
    )
    (tmp_path / "stop").touch()
    assert run.wait(timeout=200) == "success"
    found = lines_of(run.wait_for_log("run", "end"), r"line \d+")
    assert sorted(set(found), key=lambda line: int(line.split()[1])) == numbered(1, len(set(found)))
    assert len(found) - len(set(found)) <= said - known, "what was said in the last seconds, and no more"
    assert (tmp_path / "ledger").read_text().split() == ["start"]


def test_a_try_that_was_lost_with_its_agent_is_ended_before_the_next_begins(commands, make_host, tmp_path):
    """The agent dies, and what it ran lives on until the agent is back: the next try waits for that."""
    with command_host(make_host, "lonely-1", "lonely") as host:
        hold = f"until [ -e {tmp_path}/go ]; do sleep 0.2; done"
        run = commands.run("command_retried", f"echo $$ >> {tmp_path}/pids; echo up; {hold}")
        run.wait_for_task("run", "deferred", timeout=90)
        run.wait_for_log("run", "up", timeout=60)
        host.crash()
        wait_until(lambda: run.task("run")["try_number"], until=lambda number: number == 2, what="a retry", timeout=90)
        first = int((tmp_path / "pids").read_text())
        assert not is_gone(first), "nobody was there to end it"
        host.start()
        pids = lambda: (tmp_path / "pids").read_text().split()  # noqa: E731  asked again and again
        wait_until(pids, until=lambda found: len(found) == 2, what="the next try runs", timeout=90)
        assert is_gone(first)
        (tmp_path / "go").touch()
        assert run.wait() == "success"
    assert "lost with its agent" in run.log("run", 1)


def test_two_stages_outlast_restarts_of_everything_between(commands, bed, make_host, tmp_path):
    """Started in tmux by a task that does not wait, and looked at from time to time."""
    with command_host(make_host, "stages-1", "stages") as host:
        gate = f"until [ -e {tmp_path}/go ]; do sleep 0.2; done"
        run = commands.run("commands_two_stages", f"echo start >> {tmp_path}/ledger; echo one; {gate}; echo two")
        run.wait_for_task("start", "success", timeout=90)
        run.wait_for_task("watch", "up_for_reschedule", timeout=90)
        bed.restart("scheduler")
        host.crash()
        host.start()
        bed.restart("triggerer")
        bed.restart("api-server")
        (tmp_path / "go").touch()
        assert run.wait(timeout=200) == "success"
    last = run.task("watch")["try_number"]
    run.wait_for_log("watch", "two", last)
    shown = [line for each in range(1, last + 1) for line in lines_of(_log(run, each), "one|two")]
    assert shown == ["one", "two"] or (last > 1 and shown == ["two"]), "Airflow forgets a try that it resets"
    assert run.xcom("watch") == "two"
    assert (tmp_path / "ledger").read_text().split() == ["start"]


def _log(run, try_number):
    """Return the log of a try of the sensor, nothing for one that Airflow does not know any more."""
    try:
        return run.log("watch", try_number)
    except AssertionError as refused:
        if "TaskInstance not found" in str(refused):
            return ""
        raise
