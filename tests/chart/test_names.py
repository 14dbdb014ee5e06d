"""Names that Kubernetes takes and YAML reads as something else, such as `on` and `1e3`; and labels that are ours."""

from __future__ import annotations

from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.chart.rendering import Refused, of_kind, pods, render

NUMBERS: dict[str, Any] = {
    "namespace": "456",
    "createNamespace": True,
    "resourceNamePrefix": "n",
    "agentTokenSecretName": "1",
    "agentTokenSecretKey": "2",
    "imagePullSecretName": "3",
    "clientCertificateSecretName": "4",
    "proxy": {"secretName": "5", "secretKey": "6"},
    "secretBackend": {"class": "c", "kwargsSecretName": "7", "kwargsSecretKey": "8"},
    "openLineage": {"enabled": True, "url": "https://o", "apiKeySecretName": "9", "apiKeySecretKey": "10"},
    "policy": {"configMapName": "11", "configMapKey": "12"},
    "agentConfig": {"configMapName": "13", "configMapKey": "14"},
    "caBundle": {"configMapName": "15", "configMapKey": "16"},
    "constraints": {"configMapName": "17", "configMapKey": "18"},
    "serviceAccount": {"name": "19"},
    "image": {"repository": "20", "tag": "21"},
    "labels": {"a": "22"},
    "annotations": {"a": "23"},
    "health": {"listen": True},
    "workers": [
        {"name": "on", "queues": ["24"], "capabilities": {"a": "25"}, "persistence": {"storageClassName": "26"}},
        {"name": "1e3", "queues": ["null"], "serviceAccount": {"create": True, "name": "27"}},
        {"name": "007", "queues": ["null"], "persistence": {"enabled": False}, "podLabels": {"b": "on"}},
    ],
}


@pytest.mark.parametrize("release", ["123", "on"])
def test_a_name_may_look_like_a_number(release: str):
    for each in render(NUMBERS, release=release):
        kubernetes_validate.validate(each, "1.34", strict=True)


def test_a_common_label_does_not_take_a_pod_from_its_selector():
    ours = {"app.kubernetes.io/name": "mine", "app.kubernetes.io/component": "mine"}
    for values in ({"labels": ours}, {"workers": [{"name": "g", "queues": ["q"], "podLabels": ours}]}):
        (maker,) = of_kind(render(values), "StatefulSet")
        labels = maker["spec"]["template"]["metadata"]["labels"]
        assert maker["spec"]["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("data", ["eyJhdXRocyI6\nIHsiciI6IHt9fX0=\n", "eyJhdXRocyI6\r\n  IHsiciI6IHt9fX0="])
def test_a_pull_secret_may_have_been_broken_into_lines(data: str):
    (secret,) = of_kind(render({"imagePullSecretData": data}), "Secret")
    kubernetes_validate.validate(secret, "1.34", strict=True)
    assert secret["data"][".dockerconfigjson"] == "eyJhdXRocyI6IHsiciI6IHt9fX0="


def test_a_group_without_image_or_account_of_its_own_has_the_common_ones():
    (pod,) = pods(render({"serviceAccount": {"name": "no"}}))
    assert pod["serviceAccountName"] == "no"


@pytest.mark.parametrize("release", ["1prod", "my.site"])
def test_a_release_whose_name_no_service_can_have_is_refused(release: str):
    with pytest.raises(Refused, match="set resourceNamePrefix"):
        render({}, release=release)
    assert render({"resourceNamePrefix": "prod"}, release=release)
