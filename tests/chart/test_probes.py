"""The probes of a pod, asked of an agent that runs with its environment; and what SIGTERM makes of it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chart import rendering
from tests.chart.kubelet import Pod
from tests.support.agent_host import OPEN
from tests.support.fake_queue import AGENT_TOKEN, FakeQueue
from tests.support.ports import free_port
from tests.support.process import Process, clean_environment, program
from tests.support.waiting import wait_until


@pytest.fixture
def node() -> Iterator[Path]:
    """Give a directory with short paths: the agent's socket is in it."""
    place = Path(tempfile.mkdtemp(prefix="node-"))
    yield place
    shutil.rmtree(place)


def environment_of(pod: Pod, node: Path) -> dict[str, str]:
    """Return the pod's variables. What runs here may be root, who has to be named, and has a token of his own."""
    (token := node / "own-token").touch(mode=0o600)
    token.write_text(AGENT_TOKEN)
    (policy := node / "own-policy.toml").write_text(OPEN)
    own = {"EDGE_AGENT_TOKEN_FILE": str(token), "EDGE_AGENT_POLICY_FILE": str(policy), "EDGE_AGENT_KINDS": "command"}
    theirs = pod.environment()
    if address := theirs.get("EDGE_AGENT_HEALTH_ADDRESS"):  # that of a pod is open to all
        own["EDGE_AGENT_HEALTH_ADDRESS"] = f"127.0.0.1:{address.rpartition(':')[2]}"
    return clean_environment(node, **{**theirs, **own})


@pytest.mark.parametrize("case", ["minimal", "metrics"])
def test_a_pod_is_alive_and_ready_until_it_is_told_to_end(case: str, node: Path):
    with FakeQueue() as queue:
        listening = {"health.port": str(free_port())} if case == "metrics" else {}
        rendered = rendering.objects(rendering.case(case, url=queue.url, **listening))
        (spec,) = rendering.pods(rendered)
        pod = Pod(node, spec, rendered, name="pod-0", content=lambda *_: AGENT_TOKEN)
        environment = environment_of(pod, node)
        probes = {name: probe_of(rendering.agent(spec), name, environment) for name in ("liveness", "readiness")}
        arguments = rendering.agent(spec)["args"]
        command = [program(arguments[0]), *arguments[1:]]
        agent = Process("agent", command, environment=environment, log=node / "agent.log", cwd=node)
        assert not any(is_well() for is_well in probes.values())
        agent.start()
        try:
            wait_until(probes["readiness"], what="the pod is ready", timeout=60)
            assert probes["liveness"]()
            if case == "metrics":
                assert "edge_agent_" in fetched(environment, "/metrics")
        finally:
            code = agent.stop(60, first=signal.SIGTERM)
        assert code == 0


def probe_of(container: dict[str, Any], name: str, environment: dict[str, str]) -> Callable[[], bool]:
    """Return what asks as the kubelet would."""
    probe = container[f"{name}Probe"]
    if "exec" in probe:
        words = probe["exec"]["command"]
        command = [program(words[0]), *words[1:]]
        return lambda: subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
    assert probe["httpGet"]["port"] == container["ports"][0]["name"]
    return lambda: fetched(environment, probe["httpGet"]["path"]) != ""


def fetched(environment: dict[str, str], path: str) -> str:
    try:
        url = f"http://{environment['EDGE_AGENT_HEALTH_ADDRESS']}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""
