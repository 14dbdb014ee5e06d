"""What the chart makes is what Kubernetes takes, is tight by default, and shows no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest

import edge_agent
from edge_agent.protocol.metrics import JOBS
from edge_agent.settings import CONFIG_VARIABLE, ENV_PREFIX, AgentSettings
from tests.chart import rendering
from tests.chart.rendering import CHART, CI, agent, case, environment, lint, objects, of_kind, pods, render

MINORS = [f"1.{minor}" for minor in range(30, 38)]

SERVICE_MONITOR = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "monitoring.coreos.com/v1"},
        "kind": {"const": "ServiceMonitor"},
        "metadata": {"type": "object", "required": ["name", "namespace", "labels"]},
        "spec": {
            "type": "object",
            "required": ["selector", "endpoints"],
            "additionalProperties": False,
            "properties": {
                "selector": {"type": "object", "required": ["matchLabels"]},
                "namespaceSelector": {"type": "object", "properties": {"matchNames": {"type": "array"}}},
                "targetLabels": {"type": "array", "items": {"type": "string"}},
                "endpoints": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "port": {"type": "string"},
                            "path": {"type": "string"},
                            "interval": {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"},
                            "scrapeTimeout": {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"},
                            "relabelings": {"type": "array", "items": {"type": "object"}},
                            "metricRelabelings": {"type": "array", "items": {"type": "object"}},
                        },
                    },
                },
            },
        },
    },
}
"""What we use of Prometheus Operator's. Its own schema comes with the operator and in no package."""

PLANTED = ["planted-agent-token", "planted-api-key", "planted-pull-secret"]


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[dict[str, Any]]]:
    """Give the objects of every case."""
    return {name: objects(case(name)) for name in rendering.cases()}


@pytest.mark.parametrize("minor", MINORS)
def test_every_object_is_one_of_kubernetes(rendered, minor: str):
    """Strictly: a key that Kubernetes does not know fails."""
    for each in (each for made in rendered.values() for each in made):
        if each["kind"] == "ServiceMonitor":
            jsonschema.validate(each, SERVICE_MONITOR)
        else:
            kubernetes_validate.validate(each, minor, strict=True)


def test_a_misspelt_key_would_be_found(rendered):
    broken = json.loads(json.dumps(of_kind(rendered["minimal"], "StatefulSet")[0]))
    agent(broken["spec"]["template"]["spec"])["imagePullPolice"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError, match="imagePullPolice"):
        kubernetes_validate.validate(broken, MINORS[-1], strict=True)


@pytest.mark.parametrize("name", rendering.cases())
def test_helm_finds_no_fault(name: str):
    assert "0 chart(s) failed" in lint(CI / f"{name}-values.yaml")


def test_the_chart_is_of_this_agent():
    assert f'appVersion: "{edge_agent.__version__}"' in (CHART / "Chart.yaml").read_text(encoding="utf-8")


def test_every_variable_is_a_setting_of_the_agent(rendered):
    known = {f"{ENV_PREFIX}{field.upper()}" for field in AgentSettings.model_fields} | {CONFIG_VARIABLE}
    set_somewhere = {name for each in all_pods(rendered) for name in environment(each) if name.startswith(ENV_PREFIX)}
    assert set_somewhere - known == set()
    assert len(set_somewhere) > 20


def test_no_secret_is_outside_of_a_secret(rendered):
    shown = {name: [each for each in made if each["kind"] != "Secret"] for name, made in rendered.items()}
    text = json.dumps(shown)
    assert [word for word in PLANTED if word in text] == []
    decoded = [value for each in of_kind(rendered["first-try"], "Secret") for value in rendering.data_of(each).values()]
    assert "planted-agent-token" in decoded
    assert "planted-api-key" in decoded
    assert any("registry.example.com" in value for value in decoded)


def test_no_pod_has_a_token_of_kubernetes_unless_it_is_asked_for(rendered):
    assert {each["automountServiceAccountToken"] for each in all_pods(rendered)} == {False}
    (pod,) = pods(render({"serviceAccount": {"automountToken": True}}))
    assert pod["automountServiceAccountToken"] is True


def test_every_agent_is_tight(rendered):
    for each in all_pods(rendered):
        context = each["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert agent(each)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_nothing_but_volumes_can_be_written(rendered):
    """What an agent writes to: its state, /tmp, and a home."""
    for each in all_pods(rendered):
        writable = {mount["mountPath"] for mount in agent(each)["volumeMounts"] if not mount.get("readOnly")}
        assert writable == {"/tmp", "/home/edge-agent", "/var/lib/edge-agent"}  # noqa: S108  a volume of the pod


def test_nobody_is_let_in(rendered):
    (policy,) = of_kind(rendered["minimal"], "NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["ingress"] == []
    assert policy["spec"]["egress"] == [{}]


def test_who_scrapes_is_let_in_to_the_one_port(rendered):
    (policy,) = of_kind(rendered["metrics"], "NetworkPolicy")
    (rule,) = policy["spec"]["ingress"]
    assert rule["ports"] == [{"port": 9180}]
    (service,) = of_kind(rendered["metrics"], "Service")
    assert service["spec"]["ports"] == [{"name": "health", "port": 9180, "targetPort": "health"}]
    (pod,) = pods(rendered["metrics"])
    assert environment(pod)["EDGE_AGENT_HEALTH_ADDRESS"] == "0.0.0.0:9180"
    assert agent(pod)["livenessProbe"]["httpGet"] == {"path": "/live", "port": "health"}


def test_a_pod_has_time_for_its_drain(rendered):
    for each in all_pods(rendered):
        drain = float(environment(each)["EDGE_AGENT_DRAIN_TIMEOUT_SECONDS"])
        assert drain <= each["terminationGracePeriodSeconds"] - 30


def test_zero_is_a_value(rendered):
    """Helm's own merge would take the default for it."""
    replicas = {
        each["metadata"]["name"]: each["spec"]["replicas"] for each in of_kind(rendered["groups"], "StatefulSet")
    }
    assert replicas == {"onprem-plain": 1, "onprem-gpu": 0, "onprem-spread": 3}
    assert environment(pods(rendered["object-storage"])[0])["AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD"] == "0"


def test_without_a_volume_each_pod_is_an_agent_of_its_own(rendered):
    """A name belongs to the host that had it first, by a key in its state: a pod of that name without it is refused."""
    assert of_kind(rendered["ephemeral"], "StatefulSet") == []
    (made,) = of_kind(rendered["ephemeral"], "Deployment")
    volumes = {each["name"]: each for each in made["spec"]["template"]["spec"]["volumes"]}
    assert volumes["state"] == {"name": "state", "emptyDir": {"sizeLimit": "2Gi"}}


def test_an_autoscaler_decides_alone(rendered):
    for each in of_kind(rendered["autoscaling"], "StatefulSet") + of_kind(rendered["autoscaling"], "Deployment"):
        assert "replicas" not in each["spec"]
    targets = [each["spec"]["scaleTargetRef"] for each in of_kind(rendered["autoscaling"], "HorizontalPodAutoscaler")]
    assert [(target["kind"], target["name"]) for target in targets] == [
        ("StatefulSet", "site-edge-agent-cpu"),
        ("Deployment", "site-edge-agent-waiting"),
    ]


def test_what_an_example_scales_by_is_measured(rendered):
    (_, waiting) = of_kind(rendered["autoscaling"], "HorizontalPodAutoscaler")
    (asked,) = (each["external"]["metric"] for each in waiting["spec"]["metrics"])
    labels = {label.name: label.values for label in JOBS.labels}
    assert asked["name"] == JOBS.prometheus
    assert asked["selector"]["matchLabels"].keys() <= labels.keys()
    assert asked["selector"]["matchLabels"]["state"] in (labels["state"] or ())


def test_the_last_who_sets_a_variable_wins(rendered):
    plain, gpu, _ = pods(rendered["groups"])
    assert (environment(plain)["TZ"], environment(gpu)["TZ"]) == ("Europe/Vienna", "UTC")
    for each in all_pods(rendered):
        names = [variable["name"] for variable in agent(each)["env"]]
        assert len(names) == len(set(names))


def test_a_changed_file_makes_new_pods_and_a_changed_token_does_not():
    """A token is read again at each registration, a policy is not."""

    def template(**values: Any) -> Any:
        return of_kind(render({"agentTokenSecretName": "", **values}), "StatefulSet")[0]["spec"]["template"]

    before = template(agentToken="a")
    assert template(agentToken="b") == before
    assert template(agentToken="a", policy={"toml": "x = 1"}) != before
    assert template(agentToken="a", policy={"toml": "x = 1"}) != template(agentToken="a", policy={"toml": "x = 2"})


@pytest.mark.parametrize("data", ['{"auths": {"r": {}}}', "eyJhdXRocyI6IHsiciI6IHt9fX0="])
def test_a_pull_secret_may_be_given_as_it_is_or_in_base64(data: str):
    rendered = render({"imagePullSecretData": data})
    (secret,) = of_kind(rendered, "Secret")
    assert json.loads(rendering.data_of(secret)[".dockerconfigjson"]) == {"auths": {"r": {}}}
    assert pods(rendered)[0]["imagePullSecrets"] == [{"name": secret["metadata"]["name"]}]


@pytest.mark.parametrize(
    ("own", "image"),
    [
        ({}, "common/agent@sha256:1"),
        ({"tag": "2"}, "common/agent:2"),
        ({"repository": "own/agent"}, f"own/agent:{edge_agent.__version__}"),
        ({"repository": "own/agent", "digest": "sha256:2"}, "own/agent@sha256:2"),
    ],
)
def test_a_group_may_have_an_image_of_its_own(own: dict[str, str], image: str):
    common = {"repository": "common/agent", "tag": "1", "digest": "sha256:1"}
    (pod,) = pods(render({"image": common, "workers": [{"name": "g", "queues": ["q"], "image": own}]}))
    assert agent(pod)["image"] == image


def test_a_release_that_is_called_like_the_chart_is_called_once():
    names = {each["metadata"]["name"] for each in render({}, release="edge-agent")}
    assert names == {"edge-agent", "edge-agent-default"}


def all_pods(rendered: dict[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    return (each for made in rendered.values() for each in pods(made))
