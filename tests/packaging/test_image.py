"""The image of the agent. No container engine runs here: its steps run in a plain directory, its file is read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import edge_agent
from tests.support.fake_queue import AGENT_TOKEN, FakeQueue
from tests.support.installed import ROOT, Built
from tests.support.process import MACHINE_ENVIRONMENT, clean_environment, program

IMAGE = ROOT / "helm" / "image"
DOCKERFILE = (IMAGE / "Dockerfile").read_text(encoding="utf-8")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to the user of the image")


def step(root: Path, name: str, *arguments: str, cwd: Path = IMAGE) -> str:
    """Run a step of the Dockerfile below ``root``, with this Python as the base image's.

    Files are copied, as there: rights are set on them, which links would set in uv's cache.
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [IMAGE / "steps.sh", name, *arguments],
        env={**MACHINE_ENVIRONMENT, "ROOT": str(root), "PATH": path, "UV": program("uv"), "UV_LINK_MODE": "copy"},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=["bare", "tasks"])
def image(request, built: Built, tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """Give a flavour and what its stage of the build has made, below a directory of its own."""
    flavour: str = request.param
    context, root = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp(flavour)
    for file in (ROOT / "requirements" / "uv.txt", IMAGE / f"{flavour}.txt", built.wheel):
        shutil.copy(file, context)
    step(root, "environment", flavour, cwd=context)
    yield flavour, root
    shutil.rmtree(root)
    shutil.rmtree(context)


def test_a_flavour_holds_the_agent_and_airflow_only_where_it_is_meant_to(image):
    flavour, root = image
    assert step(root, "check", flavour).strip() == edge_agent.__version__
    other = {"bare": "tasks", "tasks": "bare"}[flavour]
    with pytest.raises(AssertionError, match="is Airflow in the flavour"):
        step(root, "check", other)


def test_the_agent_of_a_flavour_says_that_it_may_register(image, tmp_path):
    flavour, root = image
    with FakeQueue() as queue:
        settings = {"URL": queue.url, "TOKEN": AGENT_TOKEN, "QUEUES": "q", "NAME": "container"}
        variables = {f"EDGE_AGENT_{name}": value for name, value in settings.items()}
        (policy := tmp_path / "policy.toml").write_text('[tasks]\nrun_as_user = "*"\n[commands]\nallow = "shell"\n')
        environment = clean_environment(
            tmp_path,
            **variables,
            EDGE_AGENT_STATE_DIR=str(tmp_path / "state"),
            EDGE_AGENT_POLICY_FILE=str(policy),
            AIRFLOW_HOME=str(tmp_path / "airflow"),
            AIRFLOW__CORE__DAGS_FOLDER=str(tmp_path),
        )
        command = [root / "opt" / "edge-agent" / "bin" / "edge-agent", "check"]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'container' may register for q" in done.stdout
    expected = {"bare": "this agent takes commands only", "tasks": "can be imported"}[flavour]
    assert expected in done.stdout


def test_nobody_but_root_can_change_the_code(image):
    _, root = image
    files = [*(root / "opt" / "edge-agent").rglob("*")]
    assert len(files) > 100
    assert [file for file in files if not file.is_symlink() and file.stat().st_mode & 0o022] == []
    assert [file for file in files if not file.is_symlink() and not file.stat().st_mode & 0o004] == []


@needs_root
def test_the_user_of_the_image_owns_its_state_and_its_home_and_nothing_else(tmp_path):
    (tmp_path / "etc").mkdir()
    step(tmp_path, "layout")
    assert "edge-agent:x:50000:50000:" in (tmp_path / "etc" / "passwd").read_text()
    assert "edge-agent:x:50000:" in (tmp_path / "etc" / "group").read_text()
    owned = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.stat().st_uid == 50000}
    assert owned == {"home/edge-agent", "var/lib/edge-agent"}
    assert (tmp_path / "etc" / "edge-agent").stat().st_mode & 0o777 == 0o755


def test_a_linter_finds_no_fault_with_the_dockerfile():
    done = subprocess.run(
        [program("hadolint"), "--format", "json", IMAGE / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout) == []


def test_every_image_begins_with_the_base_that_is_pinned_by_its_digest():
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11-slim-bookworm@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)
    known = {"${PYTHON_IMAGE}"}
    for source, name in stages:
        assert source in known
        known.add(name)
    assert {"bare", "tasks"} <= known


def test_what_an_image_runs_as_is_a_number_and_not_root():
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert users[-1] == users[0] == "50000:50000"


def test_process_1_reaps_what_jobs_leave_behind():
    assert 'ENTRYPOINT ["/usr/bin/tini", "--"]' in DOCKERFILE
    assert "--no-install-recommends tini tmux" in DOCKERFILE


def test_the_build_sees_what_it_copies_and_nothing_else():
    """The ignore file names what it lets through: a file that the Dockerfile copies and it leaves out fails a build."""
    ignored = (IMAGE / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    copied = [line.split()[1:-1] for line in re.findall(r"^(COPY (?!--from).*)$", DOCKERFILE, re.MULTILINE)]
    assert {name for names in copied for name in names} == let_through
