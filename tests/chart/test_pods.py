"""What is rendered is what the agent understands: each case's pod is started as far as that goes without a cluster."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.policy.file import read as read_policy
from edge_agent.settings import ENV_PREFIX, AgentSettings
from tests.chart import rendering
from tests.chart.kubelet import Pod
from tests.gen import command_lines
from tests.support.agent_host import OPEN
from tests.support.certificates import Authority
from tests.support.fake_queue import AGENT_TOKEN, FakeQueue

CHOSEN = {"runAsUser": 1_000_700_000, "fsGroup": 1_000_700_000}
"""What OpenShift puts into a pod that leaves it open."""

POLICY = "[commands]\nallow = 'argv'\n"

HELD = {"agent.toml": "keep_failed_hours = 2\n", "ours.toml": POLICY, "key": "{}", "url": "", "kwargs": "{}"}
"""What Secrets and ConfigMaps hold that no release brings, by key; a token by default."""

IN_THE_POD = """
import json, os, sys
import edge_agent.check
from edge_agent.cli import main
edge_agent.check._dags = lambda settings: ()  # Airflow is in the image, or not; here only root may reach Python.
pods = dict(os.environ)
os.environ |= json.loads(sys.argv[4])
main(["check"])  # Imports what it needs, as long as that can be reached.
print("in the pod:", flush=True)
os.environ.clear(), os.environ.update(pods)
os.setgroups(json.loads(sys.argv[3])), os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[1]))
sys.exit(main(["check"]))
"""


@pytest.fixture
def node() -> Iterator[Path]:
    """Give a directory that the users of pods can reach."""
    place = Path(tempfile.mkdtemp(prefix="edge-agent-node-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def held(kind: str, name: str, key: str) -> str:
    return HELD.get(key, f"{AGENT_TOKEN}\n")


def pods_of(case: str, root: Path, content: Any = held, **also: str) -> list[Pod]:
    rendered = rendering.objects(rendering.case(case, **also))
    found = []
    for number, pod in enumerate(rendering.pods(rendered)):
        context = pod.setdefault("securityContext", {})
        if "runAsUser" not in context:
            context |= CHOSEN
        found.append(Pod(root / str(number), pod, rendered, name=f"pod-{number}", content=content))
    return found


def settings_of(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> AgentSettings:
    from edge_agent.configuration import load, misspelt

    for name in [name for name in os.environ if name.startswith(ENV_PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in pod.environment().items():
        monkeypatch.setenv(name, value)
    assert misspelt() == []
    return load()


@pytest.mark.parametrize("case", rendering.cases())
def test_the_agent_takes_the_settings_of_every_pod(case: str, node: Path, monkeypatch):
    for number, pod in enumerate(pods_of(case, node)):
        with monkeypatch.context() as here:
            settings = settings_of(pod, here)
        assert settings.name == f"pod-{number}"
        assert settings.state_dir == pod.place("/var/lib/edge-agent/state")
        assert settings.token_file is not None
        assert settings.token_file.read_text().strip() == (
            "planted-agent-token" if case == "first-try" else AGENT_TOKEN
        )
        assert settings.url.startswith("https://airflow.example.com")
        assert settings.queues


@pytest.mark.parametrize("case", ["closed-network", "commands"])
def test_a_policy_out_of_a_config_map_is_obeyed(case: str, node: Path, monkeypatch):
    """The directory of a ConfigMap's volume can be written by everybody, which the agent would not trust."""
    (pod,) = pods_of(case, node)
    policy = read_policy(settings_of(pod, monkeypatch).policy_file)
    assert policy is not None
    assert policy.commands is not None
    assert policy.commands.allow == "argv"


def test_a_settings_file_out_of_a_config_map_is_read(node: Path, monkeypatch):
    (pod,) = pods_of("commands", node)
    assert settings_of(pod, monkeypatch).keep_failed_hours == 2


def test_a_group_has_what_it_says_and_the_rest_of_the_defaults(node: Path, monkeypatch):
    plain, gpu, spread = (settings_of(pod, monkeypatch) for pod in pods_of("groups", node))
    assert (plain.slots, gpu.slots, spread.slots) == (4, 1, 4)
    assert (plain.spool_megabytes, gpu.spool_megabytes) == (2000, 500)
    assert gpu.capabilities == {"gpu": "a100", "rack": 7, "licensed": True, "big": 1_000_000}
    assert (plain.kinds, gpu.kinds, spread.kinds) == ("auto", ("task",), ("command", "task"))
    assert gpu.drain_timeout_seconds == 3600
    assert plain.server_key == gpu.server_key != ""


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be the user of a pod")


def check(pod: Pod, node: Path) -> tuple[int, str]:
    """Run ``edge-agent check`` as the pod's user, with its environment and nothing else; return what comes of it."""
    (own := node / "own-token").touch(mode=0o600)
    own.write_text(AGENT_TOKEN)
    (policy := node / "own-policy.toml").write_text(OPEN)
    roots = {
        "EDGE_AGENT_TOKEN_FILE": str(own),
        "EDGE_AGENT_STATE_DIR": str(node / "own-state"),
        "EDGE_AGENT_POLICY_FILE": str(policy),
        "EDGE_AGENT_CLIENT_CERT_FILE": "",
        "EDGE_AGENT_CLIENT_KEY_FILE": "",
    }
    group, further = pod.groups
    who = [str(pod.user), str(group), json.dumps(further), json.dumps(roots)]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(rendering.ROOT), **pod.environment()}
    command = [sys.executable, "-c", IN_THE_POD, *who]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    return done.returncode, done.stdout.partition("in the pod:\n")[2] + done.stderr


@needs_root
@pytest.mark.parametrize("case", ["minimal", "first-try", "openshift", "token-file"])
def test_a_pod_registers_as_its_own_user_with_the_token_of_its_secret(case: str, node: Path):
    """No cluster: Kubernetes' owner, group and modes, the user of the pod, and a queue that answers."""
    with FakeQueue() as queue:
        inline = {"agentToken": AGENT_TOKEN} if case == "first-try" else {}
        pod, *_ = pods_of(case, node, url=queue.url, **{"caBundle.pem": ""}, **inline)
        code, said = check(pod, node)
    assert "'pod-0' may register for" in said, said
    assert code == 0, said
    assert pod.place("/var/lib/edge-agent/state/attempts").stat().st_uid == pod.user


@needs_root
def test_a_pod_shows_its_certificate_and_trusts_the_authority_of_its_site(node: Path):
    site, agents = Authority(node / "site"), Authority(node / "agents", "Agents")
    key, _, certificate = agents.issue("agent").read_text().partition("-----BEGIN CERTIFICATE-----")
    content = {"trust-bundle.pem": site.file.read_text(), "tls.key": key}
    content["tls.crt"] = f"-----BEGIN CERTIFICATE-----{certificate}"
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(agents.file))
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(site.issue("server", addresses=("127.0.0.1",)))
    with FakeQueue(tls=tls) as queue:
        (pod,) = pods_of("closed-network", node, lambda *which: content.get(which[2], held(*which)), url=queue.url)
        code, said = check(pod, node)
    assert code == 0, said
    assert "may register" in said


@needs_root
def test_without_a_group_for_its_volumes_a_pod_cannot_read_its_token(node: Path):
    """What `fsGroup` is for."""
    values = {"workerDefaults": {"podSecurityContext": {"fsGroup": None, "fsGroupChangePolicy": None}}}
    with FakeQueue() as queue:
        rendered = rendering.render({**values, "url": queue.url})
        (spec,) = rendering.pods(rendered)
        _, said = check(Pod(node / "0", spec, rendered, name="pod-0", content=held), node)
    assert "EDGE_AGENT_TOKEN_FILE: cannot read" in said


@pytest.mark.parametrize("case", rendering.cases())
def test_the_agent_knows_every_command_that_a_pod_starts(case: str):
    for pod in rendering.pods(rendering.objects(rendering.case(case))):
        container = rendering.agent(pod)
        probes = [container.get(f"{name}Probe", {}) for name in ("startup", "liveness", "readiness")]
        commands = [container["args"], *(probe["exec"]["command"] for probe in probes if "exec" in probe)]
        for program, *arguments in commands:
            if program == "edge-agent":
                assert command_lines.agent_parser().parse_args(arguments).command
