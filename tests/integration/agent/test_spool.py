"""The server is away for longer than the disk has room: results stay, and of the logs the oldest bytes go."""

from __future__ import annotations

import re

from edge_agent.protocol import EndReason
from edge_agent.protocol.streams import Stream, Unweaver
from tests.integration.agent.steps import attempts, ended, registered, running, until_exists
from tests.support.waiting import wait_until

LINES = "".join(f"{number:07d}\n" for number in range(100_000)).encode()
NOTE = re.compile(rb"\[\.\.\. ([\d,]+) bytes of this log are missing here: .*\]\n")


def submit(queue, label, gate, *, end_gate):
    """Queue a job that says 800 KB when the gate is open, and ends when the other one is."""
    said = f"echo up; {until_exists(gate)}; seq -f %07.0f 0 99999; {until_exists(end_gate)}; echo end; exit 3"
    return running(queue.submit(said, label=label), until=b"up")


def test_a_full_spool_loses_the_oldest_bytes_and_no_result_and_says_so_also_across_a_restart(queue, agent_of, tmp_path):
    """The first job ends while the server is away, the second one runs on."""
    agent = agent_of(queue, spool_megabytes=1)
    gate, later = tmp_path / "gate", tmp_path / "later"
    first, second = (submit(queue, str(end), gate, end_gate=end) for end in (gate, later))
    queue.go_away()
    gate.touch()
    wait_until(lambda: "event=spool_full" in agent.output(), what="the agent says that the spool is full")
    wait_until(lambda: taken(agent), until=lambda size: size <= 1_020_000, what="the spool is within its bound")
    wait_until(lambda: "SPOOL: full" in agent.run("status").stdout, what="the status says it")
    agent.crash()
    agent.start()
    later.touch()
    queue.come_back()
    registered(queue, 2)
    for job in (first, second):
        assert (ended(job).reason, job.ending.exit_code) == (EndReason.EXIT, 3)
    whole = b"up\n" + LINES + b"end\n"
    assert bytes(second.log) == whole
    before, missing, after = NOTE.split(bytes(first.log))
    rest = len(before) + int(missing.replace(b",", b""))
    assert (before, after) == (whole[: len(before)], whole[rest:])
    assert rest > 500_000


def test_a_full_spool_leaves_the_streams_of_a_command_apart(queue, agent_of, tmp_path):
    """What is missing is told on standard error; of the rest each line is in the stream that it was written to."""
    agent = agent_of(queue, spool_megabytes=1)
    gate, later = tmp_path / "gate", tmp_path / "later"
    both = "seq -f out%07.0f 0 99999 & seq -f err%07.0f 0 99999 >&2; wait"
    command = f"echo up; {until_exists(gate)}; {both}; {until_exists(later)}; echo end"
    job = running(queue.submit(command, streams="apart"), until=b"up")
    queue.go_away()
    gate.touch()
    wait_until(lambda: "event=spool_full" in agent.output(), what="the agent says that the spool is full")
    later.touch()
    queue.come_back()
    assert ended(job).exit_code == 0
    parts = list(Unweaver().unweave(bytes(job.log)))
    out, err = (b"".join(content for each, content in parts if each is stream) for stream in Stream)
    assert NOTE.search(err)
    assert not NOTE.search(out)
    assert b"err" not in out
    assert b"out" not in NOTE.sub(b"", err)
    assert out.endswith(b"out0099999\nend\n")
    assert err.endswith(b"err0099999\n")


def taken(host):
    """Return how much of the disk the logs of a host take."""
    logs = [folder / "output.log" for folder in attempts(host)]
    return sum(log.stat().st_blocks * 512 for log in logs)
