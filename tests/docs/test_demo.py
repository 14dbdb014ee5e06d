"""``make demo`` shows what it promises, and leaves nothing behind, however it ends."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.documents import DOCS, ROOT
from tests.support.process import Process, clean_environment
from tests.support.waiting import wait_until

DEMO = DOCS / "demo"
WHOLE_SECONDS = 400
"""For a whole run on a machine that does other things too; a quiet one takes about 60."""

BROKEN = """
from airflow.sdk import dag, task

@dag(schedule=None)
def onprem_demo():
    @task(executor="EdgeAgentExecutor", queue="onprem")
    def add_up():
        raise ValueError
    add_up()

onprem_demo()
"""
"""A Dag that fails at once: what the demo's own has to do before would not be judged."""

Make = Callable[..., Process]

pytestmark = pytest.mark.minutes


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Make]:
    """Give a function that starts the demo of a folder; what it writes goes below the test's own."""
    started: list[Process] = []

    def start(*arguments: str, folder: Path = DEMO) -> Process:
        (temporary := tmp_path / "tmp").mkdir()
        command = [sys.executable, str(folder / "run.py"), *arguments]
        environment = clean_environment(tmp_path) | {"TMPDIR": str(temporary)}
        started.append(Process("demo", command, environment=environment, log=tmp_path / "log", cwd=ROOT))
        return started[-1].start()

    yield start
    for each in started:
        each.kill_family()


def wait_for(demo: Process, text: str, timeout: float = WHOLE_SECONDS) -> None:
    def seen() -> bool:
        demo.must_run()
        return text in demo.output()

    wait_until(seen, what=f"the demo says {text!r}", timeout=timeout)


def homes(demo: Process) -> list[Path]:
    return list((demo.log.parent / "tmp").iterdir())


@pytest.mark.timeout(WHOLE_SECONDS + 60)
def test_a_run_that_fails_is_a_failure_with_its_reason_and_logs(demo: Make, tmp_path: Path):
    broken = tmp_path / "demo"
    shutil.copytree(DEMO, broken, ignore=shutil.ignore_patterns("__pycache__"))
    (broken / "dags" / "onprem_demo.py").write_text(BROKEN, encoding="utf-8")
    running = demo("--once", folder=broken)
    code = running.wait(WHOLE_SECONDS)
    said = running.output()
    assert code == 1, said
    assert "The demo failed: The run failed; not well ended: add_up." in said
    assert re.search(r"--- the end of \S+/edge-agent\.log", said)
    assert running.family() == set()
    (home,) = homes(running)
    assert f"Everything the demo wrote is in {home}" in said


@pytest.mark.timeout(WHOLE_SECONDS + 60)
def test_it_runs_every_kind_of_task_on_the_agent_and_stays_up_until_ctrl_c(demo: Make):
    running = demo()
    wait_for(running, "Everything stays up until Ctrl-C.")
    said = running.output()
    for name in ("shell", "measure", "square[5]", "add_up", "wait"):
        assert re.search(rf"^.* s    {re.escape(name)} +success +on demo-host$", said, re.MULTILINE), said
    assert re.search(r"wait +deferred", said)
    # One of each, five more of the mapped one, and the deferred one came back: eleven jobs.
    jobs = re.findall(r"^    onprem_demo\..* demo-host  (?:default|local) +succeeded  0 ", said, re.MULTILINE)
    assert len(jobs) == 11
    assert "add_up returned 91" in said
    assert re.search(r"I run on \S+, my home is \S+/host,", said)
    assert re.search(r"Airflow's page  http://127\.0\.0\.1:\d+  \(user admin, password \S+\)", said)
    # The command that the demo shows, to try an admin's commands with.
    (shown,) = re.findall(r"as an admin     (\S+) edge-agent agents list", running.output())
    subprocess.run([shown, "edge-agent", "agents", "drain", "demo-host"], check=True)
    wait_for(running, "demo-host was told to leave, and has left. Airflow stays up.")
    running.send(signal.SIGINT)
    assert running.wait(60) == 0
    assert "nothing is left running" in running.output()
    assert running.family() == set()
    assert homes(running) == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("number", "code", "when"),
    [(signal.SIGINT, 130, "making its database"), (signal.SIGTERM, 143, "starting api-server")],
    ids=str,
)
def test_it_can_be_stopped_while_it_starts(demo: Make, number: signal.Signals, code: int, when: str):
    running = demo()
    wait_for(running, when, timeout=120)
    running.send(number)
    assert running.wait(60) == code
    assert running.family() == set()
    assert homes(running) == []


@pytest.mark.timeout(180)
def test_a_demo_that_is_killed_leaves_no_process(demo: Make):
    running = demo()
    wait_for(running, "starting api-server", timeout=120)
    wait_until(running.family, until=lambda pids: len(pids) > 3, what="components run", timeout=60)
    running.send(signal.SIGKILL)
    wait_until(running.family, until=lambda pids: not pids, what="all of it is gone", timeout=60)


@pytest.mark.parametrize(("variables", "ends"), [([], "run.py"), (["ONCE=1"], "run.py --once")])
def test_make_demo_starts_it(variables: list[str], ends: str):
    command = ["make", "--no-print-directory", "--dry-run", "demo", *variables]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1].rstrip().endswith(f"docs/demo/{ends}")
