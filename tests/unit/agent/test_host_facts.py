"""What an agent says of its host, and which jobs it can take."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from edge_agent import capabilities, health
from edge_agent.attempt_dir import AttemptDir
from edge_agent.capabilities import detect_capabilities, detect_kinds, detect_versions
from edge_agent.errors import CannotStart
from edge_agent.program import Program
from edge_agent.protocol import JobKind, Registration, RunnerName
from edge_agent.protocol.shells import Shell
from edge_agent.runners import shells
from edge_agent.runners.base import Runner
from edge_agent.runners.local import LocalRunner
from edge_agent.runners.registry import KEEP_READY_SECONDS, RETRY_SECONDS, Runners, runners_of
from edge_agent.settings import AgentSettings
from edge_agent.state_dir import StateDir
from tests.unit.protocol.examples import AIRFLOW, MESSAGES

TASK, COMMAND = (JobKind.TASK, RunnerName.LOCAL), (JobKind.COMMAND, RunnerName.LOCAL)
IN_TMUX = (JobKind.COMMAND, RunnerName.TMUX)
LOCAL = LocalRunner(Program(Path("unused")), Path("unused"))


@pytest.fixture
def settings(tmp_path):
    def make(**more):
        return AgentSettings(
            url="https://a", queues=("q",), token=SecretStr("t"), name="h1", state_dir=tmp_path, **more
        )

    return make


@pytest.fixture
def installed(monkeypatch):
    def have(**versions):
        names = {name.replace("_", "-"): version for name, version in versions.items()}
        monkeypatch.setattr(capabilities, "installed_version", names.get)

    return have


def test_a_host_without_airflow_takes_commands(settings, installed):
    installed()
    assert detect_kinds(settings()) == (JobKind.COMMAND,)
    assert "airflow" not in detect_capabilities(settings())
    assert detect_versions().airflow is None


def test_a_host_with_airflow_takes_tasks_too(settings, installed):
    installed(apache_airflow_core="3.3.2", apache_airflow_task_sdk="1.3.2")
    assert detect_kinds(settings()) == (JobKind.TASK, JobKind.COMMAND)
    assert detect_capabilities(settings())["airflow"] == "3.3.2"
    assert detect_versions().task_sdk == "1.3.2"


def test_configured_kinds_are_taken_as_they_are(settings, installed):
    installed(apache_airflow_task_sdk="1.3.2")
    assert detect_kinds(settings(kinds=(JobKind.COMMAND,))) == (JobKind.COMMAND,)


def test_configured_capabilities_replace_and_add(settings):
    found = detect_capabilities(settings(capabilities={"os": "beos", "gpu": "a100"}))
    assert (found["os"], found["gpu"], found["python"]) == ("beos", "a100", platform.python_version())
    assert found["runner.local"] is True
    assert "runner.tmux" not in found
    assert detect_capabilities(settings(), list(RunnerName))["runner.tmux"] is True
    assert int(found["cpus"]) >= 1


def test_capabilities_fit_the_wire(settings):
    fields = MESSAGES["Registration"].model_dump() | {"capabilities": detect_capabilities(settings())}
    assert Registration.model_validate(fields).capabilities["hostname"]


@pytest.mark.parametrize(("said", "name"), [("AMD64", "x86_64"), ("arm64", "aarch64"), ("riscv64", "riscv64")])
def test_an_architecture_has_one_name(settings, monkeypatch, said, name):
    monkeypatch.setattr(platform, "machine", lambda: said)
    assert detect_capabilities(settings())["arch"] == name


@pytest.mark.parametrize("program", ["tmux", "bash", "pwsh"])
def test_a_program_that_jobs_may_ask_for_is_a_capability_where_it_is_installed(settings, monkeypatch, program):
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name == program else None)
    found = detect_capabilities(settings())
    assert {name for name in ("tmux", "bash", "pwsh") if found.get(name)} == {program}


def test_health_is_measured_and_what_cannot_be_is_left_out(tmp_path):
    measured = health.measure(StateDir(tmp_path))
    assert None not in measured.model_dump().values()
    assert health.measure(StateDir(tmp_path / "nowhere")).disk_free_bytes is None


class Stub(Runner):
    """A runner that is ready when it is told to be."""

    def __init__(self):
        self.complaints = []
        self.told = []
        self.closed = False

    def configure(self, airflow):
        self.told.append(airflow)

    async def prepare(self):
        if self.complaints:
            raise CannotStart(self.complaints.pop(0))

    async def start(self, attempt):
        raise NotImplementedError

    def log_of(self, payload):
        raise NotImplementedError

    async def close(self):
        self.closed = True


class Enough(Exception):
    pass


async def test_runners_that_are_not_ready_are_tried_again_and_told(caplog):
    stub, slept, changes = Stub(), [], []
    stub.complaints = ["no Airflow here", "still none"]

    async def sleep(seconds):
        slept.append((seconds, runners.are_ready))
        if len(slept) == 4:
            raise Enough

    runners = Runners({TASK: stub}, changed=lambda: changes.append(runners.are_ready), sleep=sleep)
    runners.configure(AIRFLOW)
    with pytest.raises(Enough):
        await runners.run()
    assert slept == [(RETRY_SECONDS, False)] * 2 + [(KEEP_READY_SECONDS, True)] * 2
    assert changes == [True]
    assert [(each.name, each.ready, each.complaint) for each in runners.status()] == [("local", True, None)]
    assert stub.told == [AIRFLOW]
    assert [record.event for record in caplog.records] == ["not_ready", "not_ready"]
    await runners.close()
    assert stub.closed


async def test_a_runner_that_agents_can_do_without_is_not_advertised_until_it_is_ready(caplog):
    local, tmux, slept = Stub(), Stub(), []
    shown: list[dict[str, tuple[bool, str | None]]] = []
    tmux.complaints = ["no tmux here"] * 2

    async def sleep(_seconds):
        slept.append((runners.are_ready, runners.advertised))
        shown.append({each.name: (each.ready, each.complaint) for each in runners.status()})
        if len(slept) == 3:
            raise Enough

    caplog.set_level("INFO")
    runners = Runners({COMMAND: local, IN_TMUX: tmux}, changed=lambda: None, sleep=sleep)
    runners.configure(AIRFLOW)
    with pytest.raises(Enough):
        await runners.run()
    assert slept == [(True, (RunnerName.LOCAL,))] * 2 + [(True, (RunnerName.LOCAL, RunnerName.TMUX))]
    assert shown[0] == {"local": (True, None), "tmux": (False, "no tmux here")}
    assert shown[-1] == {"local": (True, None), "tmux": (True, None)}
    assert [record.getMessage() for record in caplog.records] == [
        "No jobs with the runner 'tmux' come here: no tmux here"
    ], "told once"


async def test_an_agent_whose_default_is_not_ready_takes_no_work(caplog):
    tmux, slept = Stub(), []
    tmux.complaints = ["no tmux here"]

    async def sleep(seconds):
        slept.append((seconds, runners.are_ready, runners.advertised))
        if len(slept) == 2:
            raise Enough

    both = {COMMAND: Stub(), IN_TMUX: tmux}
    runners = Runners(dict(both), changed=lambda: None, default=RunnerName.TMUX, sleep=sleep)
    runners.configure(AIRFLOW)
    with pytest.raises(Enough):
        await runners.run()
    assert slept == [
        (RETRY_SECONDS, False, (RunnerName.LOCAL,)),
        (KEEP_READY_SECONDS, True, (RunnerName.LOCAL, RunnerName.TMUX)),
    ]
    assert "takes none: no tmux here" in caplog.text


def test_a_job_gets_the_runner_of_its_kind_and_place(settings):
    runners = Runners(runners_of(settings(), (JobKind.COMMAND,)), changed=lambda: None)
    assert runners.kinds == (JobKind.COMMAND,)
    assert isinstance(runners.runner_for(*COMMAND), LocalRunner)
    with pytest.raises(CannotStart, match="cannot run a task job with the runner 'local'"):
        runners.runner_for(*TASK)


def test_an_agent_with_tasks_has_a_runner_for_them_and_imports_no_airflow(settings):
    runners = Runners(runners_of(settings(), (JobKind.TASK, JobKind.COMMAND)), changed=lambda: None)
    assert runners.kinds == (JobKind.TASK, JobKind.COMMAND)
    program = (
        "import sys, edge_agent.agent, edge_agent.cli, edge_agent.check, edge_agent.runners.task; "
        "print(sorted(name for name in sys.modules if name.partition('.')[0] in "
        "('airflow', 'airflow_plugin', 'fastapi', 'sqlalchemy')))"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert said.stdout == "[]\n"


async def test_a_task_before_the_first_session_cannot_start(settings, tmp_path):
    runner = runners_of(settings(), (JobKind.TASK,))[TASK]
    with pytest.raises(CannotStart, match="not known yet"):
        await runner.start(AttemptDir(tmp_path))
    await runner.close()


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        ({}, "command"),
        ({"command": ""}, "command"),
        ({"command": []}, "command"),
        ({"command": [1]}, "command"),
        ({"command": "x", "env": {"A": 1}}, "env"),
        ({"command": "x", "cwd": 1}, "cwd"),
        ({"command": "x", "shell": "zsh"}, "shell: Input should be 'sh', 'bash' or 'pwsh'"),
        ({"command": ["x"], "shell": "bash"}, "shell: Value error, a list of words is run as it is, without a shell"),
        ({"command": "x", "timeout_seconds": 0}, "timeout_seconds"),
        ({"command": "x", "timeout_seconds": float("inf")}, "timeout_seconds"),
        ({"command": "x", "streams": "both"}, "streams: Input should be 'together' or 'apart'"),
    ],
    ids=str,
)
def test_a_command_that_makes_no_sense_is_refused_before_anything_is_written(payload, word):
    with pytest.raises(CannotStart, match=re.escape(f"The command cannot be read: {word}")):
        LOCAL.log_of(payload)


@pytest.mark.parametrize("shell", list(Shell))
def test_every_shell_that_jobs_may_ask_for_is_known_to_the_process_that_starts_it(shell):
    assert LOCAL.log_of({"command": "x", "shell": shell.value}) == "output.log"
    assert set(shells.WORDS) == {shell.value for shell in Shell}


def test_the_process_of_a_command_imports_next_to_nothing():
    """One of them stays as long as each command runs."""
    program = (
        "import sys, edge_agent.runners.wrapper; "
        "print(sorted({'pydantic', 'httpx', 'psutil', 'asyncio', 'edge_agent.protocol'} & {*sys.modules}))"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert said.stdout == "[]\n"


def test_what_a_newer_server_adds_to_a_command_is_ignored():
    assert LOCAL.log_of({"command": ["x"], "env": {}, "cwd": None, "later": 1}) == "output.log"
