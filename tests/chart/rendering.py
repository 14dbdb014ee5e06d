"""Rendering the chart with Helm itself, as its users do."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "edge-agent"
CI = CHART / "ci"

LEAST: dict[str, Any] = {
    "url": "https://airflow.example.com",
    "image": {"repository": "registry.example.com/edge-agent"},
    "agentTokenSecretName": "edge-agent-token",
}
"""The values that every release has to have."""


class Refused(Exception):
    """Helm did not take the values; the message is what its user reads."""


def cases() -> list[str]:
    """Return the names of the cases whose rendering is kept."""
    return sorted(file.name.removesuffix("-values.yaml") for file in CI.glob("*-values.yaml"))


def case(name: str, **also: str) -> str:
    """Return what Helm makes of a case. ``also``: values that are set on the command line."""
    values = [str(CI / f"{name}-values.yaml"), *(f"--set={key}={value}" for key, value in also.items())]
    return _helm("template", "site", str(CHART), "--namespace", "edge", "--values", *values)


def render(values: Mapping[str, Any], *, release: str = "site") -> list[dict[str, Any]]:
    """Return the objects that come of these values, added to the least that is needed.

    :raises Refused: when Helm does not take them.
    """
    text = json.dumps({**LEAST, **values})  # which is YAML, and leaves no doubt of what is a text
    return objects(_helm("template", release, str(CHART), "--namespace", "edge", "--values", "-", given=text))


def lint(file: Path) -> str:
    """Return what ``helm lint --strict`` says of the chart with the values of a file.

    :raises Refused: when it finds fault.
    """
    return _helm("lint", "--strict", str(CHART), "--values", str(file))


def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects of a rendered chart."""
    return [each for each in yaml.safe_load_all(text) if each]


def of_kind(rendered: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the objects of one kind."""
    return [each for each in rendered if each["kind"] == kind]


def pods(rendered: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the specifications of the pods, those of StatefulSets before those of Deployments."""
    makers = of_kind(rendered, "StatefulSet") + of_kind(rendered, "Deployment")
    return [maker["spec"]["template"]["spec"] for maker in makers]


def agent(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the agent's container of a pod."""
    (found,) = (each for each in pod["containers"] if each["name"] == "agent")
    return found


def environment(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the environment of the agent's container: text, or where it comes from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in agent(pod)["env"]}


def data_of(held: dict[str, Any]) -> dict[str, str]:
    """Return what a ConfigMap or Secret holds, as text."""
    data: dict[str, str] = held["data"]
    if held["kind"] == "ConfigMap":
        return data
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def _helm(*arguments: str, given: str | None = None) -> str:
    helm = ROOT / ".venv" / "bin" / "helm"
    command = [str(helm) if helm.exists() else "helm", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr + done.stdout)
    return done.stdout
