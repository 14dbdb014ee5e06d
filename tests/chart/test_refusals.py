"""Values that cannot work are refused, with the value that is wrong and what to set instead."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from tests.chart.rendering import CHART, Refused, render

PULL = '{"auths": {}}'
GROUP = {"name": "g", "queues": ["q"]}


def group(**values: Any) -> dict[str, Any]:
    return {"workers": [{**GROUP, **values}]}


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "no url": ({"url": ""}, "url is not set: the address of Airflow's API server"),
    "no scheme": ({"url": "airflow.example.com"}, "url is airflow.example.com, .*: it must look like https://"),
    "no token": ({"agentTokenSecretName": ""}, "No agent token: set agentTokenSecretName"),
    "two tokens": ({"agentToken": "t"}, "agentToken and agentTokenSecretName are both set"),
    "token and file": ({"agentTokenFile": "/t"}, "agentTokenSecretName and agentTokenFile are both set"),
    "no image": ({"image": {}}, "image.repository is not set: there is no public image; build yours"),
    "two pull secrets": (
        {"imagePullSecretName": "registry", "imagePullSecretData": PULL},
        r"imagePullSecretName \(registry\) and imagePullSecretData are both set",
    ),
    "pull secret of another form": ({"imagePullSecretData": "user:password"}, "imagePullSecretData is no Docker conf"),
    "namespace without a name": ({"createNamespace": True}, "createNamespace is true and namespace is empty"),
    "no groups": ({"workers": []}, "workers is empty: name at least one group"),
    "a group twice": ({"workers": [GROUP, GROUP]}, r'workers: \\?"g\\?" is there twice'),
    "a long name": (
        {"resourceNamePrefix": "a" * 51},
        r'workers: \\?"a{51}-default\\?" has 59 letters.*shorter resourceNameP',
    ),
    "a name of no Service": (
        {"resourceNamePrefix": "1st"},
        r'\\?"1st-default\\?" can be no name of a Service.*set resourceNamePrefix to something else than \\?"1st',
    ),
    "no queue": (group(queues=[]), r"workers\[g\] serves no queue"),
    "policy twice": (
        {"policy": {"toml": "a", "configMapName": "p"}},
        r"policy.toml and policy.configMapName \(p\) are",
    ),
    "agent's file twice": ({"agentConfig": {"toml": "a=1", "configMapName": "p"}}, r"agentConfig.configMapName \(p\) "),
    "authorities twice": ({"caBundle": {"pem": "a", "configMapName": "p"}}, r"caBundle.configMapName \(p\) are both"),
    "constraints twice": ({"constraints": {"text": "a", "configMapName": "p"}}, r"constraints.configMapName \(p\) are"),
    "a token in a ConfigMap": (
        {"agentConfig": {"toml": "a = 1\n token = 'x'"}},
        "agentConfig.toml sets token.*SecretN",
    ),
    "a proxy in a ConfigMap": (
        {"agentConfig": {"toml": "proxy = 'x'"}},
        "agentConfig.toml sets proxy.*proxy.secretName",
    ),
    "no certificate": ({"caBundle": {"pem": "MII..."}}, "caBundle.pem holds no certificate: it must be PEM"),
    "a key": (
        {"caBundle": {"pem": "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----"}},
        "caBundle.pem holds a private key",
    ),
    "arguments twice": (
        {"secretBackend": {"class": "c", "kwargs": {"a": 1}, "kwargsSecretName": "s"}},
        r"secretBackend.kwargs and secretBackend.kwargsSecretName \(s\) are both set",
    ),
    "arguments of nothing": ({"secretBackend": {"kwargs": {"a": 1}}}, "secretBackend has arguments and no class"),
    "a secret argument": (
        {"secretBackend": {"class": "c", "kwargs": {"vault_token": "x"}}},
        "secretBackend.kwargs.vault_token would stand in the clear",
    ),
    "a path of no backend": (
        {"xcomBackend": {"objectStoragePath": "s3://b"}},
        "xcomBackend.objectStoragePath is s3://b",
    ),
    "bundles that are no list": ({"dagBundleConfigList": '{"name": 1}'}, "dagBundleConfigList is no JSON list"),
    "lineage to nowhere": (
        {"openLineage": {"enabled": True}},
        "openLineage.enabled is true and openLineage.url is emp",
    ),
    "two API keys": ({"openLineage": {"apiKey": "k", "apiKeySecretName": "s"}}, r"apiKeySecretName \(s\) are both set"),
    "logs to nowhere": (
        {"logging": {"taskLogs": "store"}},
        "logging.taskLogs is store and logging.remoteBaseLogFolder",
    ),
    "a folder for no logs": (
        {"logging": {"remoteBaseLogFolder": "s3://b"}},
        "remoteBaseLogFolder is s3://b and logging.taskLogs is push",
    ),
    "metrics without a port": ({"metrics": {"enabled": True}}, "metrics.enabled is true and health.listen is false"),
    "a monitor of nothing": (
        {"metrics": {"serviceMonitor": {"enabled": True}}},
        "metrics.serviceMonitor.enabled is true and metrics.enabled is false",
    ),
    "metrics for nobody": (
        {"metrics": {"enabled": True}, "health": {"listen": True}},
        "metrics.enabled is true and networkPolicy lets nobody in",
    ),
    "a door to nothing": (
        {"networkPolicy": {"metricsFrom": [{"podSelector": {}}]}},
        "metricsFrom lets somebody in and health.listen is false",
    ),
    "a setting of the chart": ({"settings": {"slots": 3}}, r"settings.slots: the chart sets that itself; use workers"),
    "a secret setting": (group(settings={"token": "x"}), r"workers\[g\].settings.token: .*; use agentTokenSecretName"),
    "no setting": ({"settings": {"cancel_grace": 3}}, "settings.cancel_grace is no setting of the agent"),
    "a variable of the chart": (
        {"commonEnv": [{"name": "EDGE_AGENT_NAME", "value": "x"}]},
        "commonEnv sets EDGE_AGENT_NAME: the chart sets that itself; use resourceNamePrefix",
    ),
    "a variable of nobody": (
        group(env=[{"name": "EDGE_AGENT_SLOT", "value": "x"}]),
        r"workers\[g\].env sets EDGE_AGENT_SLOT, which is no setting",
    ),
    "a secret of the server": (
        {"commonEnv": [{"name": "AIRFLOW__CORE__FERNET_KEY", "valueFrom": {}}]},
        "AIRFLOW__CORE__FERNET_KEY: an agent needs no secret of the server",
    ),
    "a connection in the clear": (
        {"commonEnv": [{"name": "AIRFLOW_CONN_DB", "value": "postgres://u:p@h"}]},
        "commonEnv sets AIRFLOW_CONN_DB in the clear",
    ),
    "a password in the clear": (
        group(env=[{"name": "DB_PASSWORD", "value": "x"}]),
        r"workers\[g\].env sets DB_PASSWORD in the clear",
    ),
    "a drain that is longer than the pod has": (
        group(drainTimeoutSeconds=600),
        r"drainTimeoutSeconds is 600, and a pod has only 600 seconds.* 570 or less, or give the pod 630 seconds",
    ),
    "a key that each start opens": (
        group(podSecurityContext={"fsGroupChangePolicy": "Always"}),
        "fsGroupChangePolicy is Always: each start would then open the agent's key",
    ),
    "scaling the wrong way round": (
        group(autoscaling={"enabled": True, "minReplicas": 5, "metrics": [{"type": "Resource"}]}),
        r"autoscaling.minReplicas \(5\) is more than maxReplicas \(4\)",
    ),
    "scaling by nothing": (
        group(autoscaling={"enabled": True}),
        "autoscaling.enabled is true, and there is nothing to",
    ),
    "scaling by a share of nothing": (
        group(autoscaling={"enabled": True, "targetCPUUtilizationPercentage": 50}),
        "a share of what is requested: set resources.requests.cpu",
    ),
    "two budgets": (group(podDisruptionBudget={"minAvailable": 0}), r"minAvailable \(0\) and maxUnavailable \(1\)"),
    "no budget": (group(podDisruptionBudget={"maxUnavailable": None}), "neither minAvailable nor maxUnavailable"),
}
"""Values, and what Helm's user reads."""


@cache
def message_of(case: str) -> str:
    """Return what Helm says of a case."""
    with pytest.raises(Refused) as refused:
        render(REFUSALS[case][0])
    return str(refused.value)


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_work_is_refused_with_what_to_do(case: str):
    assert re.search(REFUSALS[case][1], message_of(case)), message_of(case)


def test_every_refusal_of_the_chart_is_tried():
    """Each `fail` by its first words, up to where a value stands in them."""
    text = (CHART / "templates" / "_validations.tpl").read_text(encoding="utf-8")
    messages = re.findall(r'fail (?:\(printf )?"((?:[^"\\]|\\.)+)"', text)
    assert len(messages) == text.count("{{- fail ")
    tried = "\n".join(map(message_of, REFUSALS)).replace('\\"', '"')
    for message in messages:
        pattern = ".*".join(re.escape(part) for part in re.split(r"%[qvsd]|\\\"", message))
        assert re.search(pattern, tried), message


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"agentTokenSecret": "x"}, "'agentTokenSecret' not allowed"),
        ({"image": {"repo": "x"}}, "'repo' not allowed"),
        (group(queue=["q"]), "'queue' not allowed"),
        (group(persistence={"enable": False}), "'enable' not allowed"),
        ({"workerDefaults": {"replica": 2}}, "'replica' not allowed"),
        (group(replicas="2"), "got string, want integer"),
        (group(env=[{"name": "A", "valueForm": {}}]), "'valueForm' not allowed"),
        ({"commonEnv": [{"value": "x"}]}, "missing property 'name'"),
        ({"logging": {"taskLogs": "pull"}}, "must be one of 'push', 'store', 'off'"),
        (group(kinds=["tasks"]), "must be one of 'command', 'task'"),
        (group(queues=["a b"]), "does not match pattern"),
        (group(capabilities={"gpu": "a100,h100"}), "'/workers/0/capabilities/gpu'.*does not match pattern"),
        ({"health": {"listen": True, "host": "127.0.0.1"}}, "must be one of '0.0.0.0', '\\[::\\]'"),
        ({"workers": [{"name": "A_b", "queues": ["q"]}]}, "does not match pattern"),
        ({"workers": [{"queues": ["q"]}]}, "missing property 'name'"),
        ({"dagBundleConfigList": [{"name": "x"}]}, "missing property 'classpath'"),
        (group(terminationGracePeriodSeconds=30), "must be >= 60|minimum"),
    ],
)
def test_what_is_misspelt_or_of_another_kind_is_refused_by_name(values: dict[str, Any], said: str):
    with pytest.raises(Refused, match=said):
        render(values)
