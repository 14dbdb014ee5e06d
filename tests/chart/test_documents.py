"""What the guides say of the chart and the image is so."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart.rendering import CHART, ROOT, objects, pods, render
from tests.docs.documents import DOCS, Block, blocks
from tests.docs.shell import Command, commands
from tests.gen.chart_values import Value, read
from tests.support.process import program

GUIDE = DOCS / "how-to" / "kubernetes.md"
PAGES = (GUIDE, DOCS / "reference" / "chart.md", CHART / "README.md")

FIRST = yaml.safe_load(next(block.text for block in blocks("yaml") if block.path == GUIDE))
"""The values of the first agent."""


def helm(command: Command, folder: Path, *more: str) -> str:
    """Run a command of Helm's where its values file lies, and no cluster is."""
    (folder / "my-values.yaml").write_text(yaml.safe_dump(FIRST), encoding="utf-8")
    (folder / "helm").symlink_to(ROOT / "helm")
    environment = {"KUBECONFIG": "/dev/null", "HOME": str(folder)}
    words = [program("helm"), *command.words[1:], *more]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", [block for block in blocks("yaml") if block.path in PAGES], ids=str)
def test_the_chart_takes_the_values_of_an_example(block: Block):
    assert pods(render(yaml.safe_load(block.text)))


@pytest.mark.parametrize("command", commands("helm", "install"), ids=str)
def test_what_is_installed_is_taken(command: Command, tmp_path: Path):
    """As far as Helm gets without a cluster: it renders everything, and says what it would install."""
    said = helm(command, tmp_path, "--dry-run=client")
    manifest = said.partition("\nMANIFEST:")[2].partition("\nNOTES:")[0]
    assert {each["kind"] for each in objects(manifest)} >= {"StatefulSet", "NetworkPolicy"}
    assert "edge-agent-onprem-0 -- edge-agent check" in said


def test_helm_knows_each_of_its_commands(tmp_path: Path):
    found = {command.words[1] for command in commands("helm")}
    assert found == {"install", "uninstall"}
    (uninstall,) = commands("helm", "uninstall")
    assert "uninstalls the release" in helm(uninstall, tmp_path, "--help")


def test_what_is_asked_of_a_cluster_is_there(tmp_path: Path):
    """The namespace, the Secret and the pod of the guide are those of its values and of what Helm makes of them."""
    (install,) = (command for command in commands("helm", "install") if command.where.startswith("docs/how-to"))
    asked = [" ".join(command.words) for command in commands("kubectl")]
    namespace = install.words[install.words.index("--namespace") + 1]
    assert f"kubectl create namespace {namespace}" in asked
    secret = FIRST["agentTokenSecretName"]
    assert f"kubectl create secret generic {secret} --namespace {namespace} --from-file=token" in asked
    assert f"kubectl exec --namespace {namespace} edge-agent-onprem-0 -- edge-agent check" in asked
    assert len(asked) == 3


def test_the_names_that_a_token_is_made_for_are_those_of_the_pods():
    (command,) = (each for each in commands("airflow", "edge-agent", "tokens") if "kubernetes.md" in each.where)
    assert command.words[-2:] == ("--agents", "edge-agent-*")


@pytest.mark.parametrize("block", blocks("dockerfile"), ids=str)
def test_a_linter_finds_no_fault_with_a_dockerfile_of_an_example(block: Block):
    # Which versions are taken is for the site to say.
    command = [program("hadolint"), "--format", "json", "--ignore", "DL3013", "-"]
    done = subprocess.run(command, input=block.text, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == []


def test_every_value_that_others_are_translated_into_is_one():
    table = GUIDE.read_text(encoding="utf-8").partition("## Coming from Astronomer's chart")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) > 20
    known = {name for value in read() for name in names_of(value)} | {"workers[].name"}
    words = [(row[0], word) for row in rows for word in re.findall(r"`([^`]+)`", row[1])]
    assert [(there, word) for there, word in words if plain(word) not in known] == []


def names_of(value: Value) -> set[str]:
    """Return how a value may be called in the table: whole, as of a group, and by its last word."""
    own = {".".join(value.path), value.name}
    if value.path[0] == "workerDefaults" and value.path[1:]:
        own.add(f"workers[].{'.'.join(value.path[1:])}")
    return own | {name for part in value.parts for name in names_of(part)}


def plain(word: str) -> str:
    return {"push": "logging.taskLogs", "store": "logging.taskLogs"}.get(word, word.partition(":")[0])
