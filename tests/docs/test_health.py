"""What the page about health shows works: probes parse, ask for what there is, and the check decides as it says."""

from __future__ import annotations

import subprocess
from importlib import import_module

import pytest

from edge_agent.addresses import listening_at
from tests.docs.documents import DOCS, blocks
from tests.support.process import clean_environment
from tests.support.statuses import report

PAGE = DOCS / "how-to" / "health.md"


def shown(language):
    return [block.text for block in blocks(language) if block.path == PAGE]


def test_the_probes_of_a_pod_ask_for_what_there_is():
    by_http, by_command = (import_module("yaml").safe_load(text) for text in shown("yaml"))
    (address,) = by_http["env"]
    assert address["name"] == "EDGE_AGENT_HEALTH_ADDRESS"
    (port,) = by_http["ports"]
    assert listening_at(address["value"])[1] == port["containerPort"]
    for kind in ("livenessProbe", "readinessProbe"):
        asked = by_http[kind]["httpGet"]
        assert asked["path"] in {"/live", "/ready"}
        assert asked["port"] == port["name"]
    assert by_command["livenessProbe"]["exec"]["command"] == ["edge-agent", "status", "--live"]


@pytest.fixture
def host(tmp_path):
    """Give a host with an `edge-agent` that answers as it is told."""
    (program := tmp_path / "edge-agent").write_text('#!/bin/sh\nexit "$(cat "$HOME/${2#--}")"\n')
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(("live", "ready", "code"), [(0, 0, 0), (0, 1, 1), (1, 1, 2)])
def test_the_check_is_critical_for_one_that_hangs_and_a_warning_for_one_that_waits(host, live, ready, code):
    (host / "live").write_text(str(live))
    (host / "ready").write_text(str(ready))
    check = next(text for text in shown("bash") if "check_edge_agent" in text)
    environment = clean_environment(host, PATH=f"{host}:/usr/bin:/bin")
    assert subprocess.run(["bash", "-c", check], env=environment, check=False).returncode == code


def test_a_number_of_the_status_can_be_had_by_a_program(host):
    (host / "edge-agent").write_text(f"#!/bin/sh\ncat <<'END'\n{report().model_dump_json()}\nEND\n")
    line = next(text for text in shown("bash") if "json" in text)
    environment = clean_environment(host, PATH=f"{host}:/usr/bin:/bin")
    done = subprocess.run(["bash", "-c", line], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == "2000\n"


def test_the_pages_that_are_named_are_there():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"GET {path}" in text for path in ("/live", "/ready", "/metrics"))
