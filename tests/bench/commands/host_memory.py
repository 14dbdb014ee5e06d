"""What a command costs the host it runs on, in memory."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from tests.bench.commands.figures import Row, Section
from tests.bench.commands.held import held
from tests.bench.commands.sides import BASH, DEFERRED, Family, Side
from tests.bench.commands.stage import Stage
from tests.bench.machine import memory_of
from tests.bench.pauses import let_pass

METHOD = """\
PSS, which divides shared pages among those who share them: of all processes that a side has on the host while nothing
runs, and while one `sleep` does, its shell included; the median of {looks} looks. With ssh that is the listener, what
sshd starts for the triggerer's connection, and the remote job. With ours it is the agent (one that runs commands only;
it loads what the bare package has), its helpers and the command; it is the same whether the task is deferred or on a
worker. BashOperator has no host of its own: its host is Airflow's worker, of which the process of the LocalExecutor
that has the task and all below it count, not the scheduler itself."""
LOOKS = 7
MB = 2**20


def measure_host_memory(stage: Stage) -> Section:
    """Read the memory of every side's host, idle and with one command."""
    section = Section("memory", "Memory on the host", METHOD.format(looks=LOOKS))
    idle: dict[str, float] = {}
    one: dict[str, float] = {}
    sides = [side for side in stage.sides if side.family is not Family.OURS or side == DEFERRED]
    for side in sides:
        if side != BASH:
            let_pass(stage.plan.settle_seconds)
            idle[side.key] = _pss(stage, side, None)
        with held(stage, side) as command:
            let_pass(stage.plan.settle_seconds)
            one[side.key] = _pss(stage, side, command.pid)
        stage.say(f"memory on the host, {side.name}: {one[side.key]:.1f} MB")
    section.rows = [
        Row("host_idle", "nothing runs", "MB", idle),
        Row("host_one", "one command runs", "MB", one),
        Row("host_added", "what one command adds", "MB", {side: one[side] - idle[side] for side in idle}),
    ]
    section.samples = {side: [value] for side, value in one.items()}
    return section


def ancestors(pid: int, *, below: int) -> set[int]:
    """Return a process and all above it, up to the child of ``below``; the first process never counts.

    Empty when ``below`` is not above it: something else has taken it over.
    """
    found = set()
    while pid > 1 and pid != below:
        found.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    return found if pid == below else set()


def _pss(stage: Stage, side: Side, command: int | None) -> float:
    """Return MB."""
    looks = []
    for _ in range(LOOKS):
        looks.append(memory_of(_processes(stage, side, command)).pss / MB)
        let_pass(0.3)
    return median(looks)


def _processes(stage: Stage, side: Side, command: int | None) -> set[int]:
    if side.family is Family.SSH:
        return stage.sshd.process.family()
    if side.family is Family.OURS:
        return stage.host.pids()
    assert command is not None, "BashOperator has a host only while something runs"
    mine = ancestors(command, below=stage.bed.parts["scheduler"].process.pid)
    assert mine, "the command of BashOperator is not below the scheduler"
    return mine | children(command)


def children(pid: int) -> set[int]:
    """Return what a process has started itself."""
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()}
