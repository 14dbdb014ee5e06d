"""The dashboard and the alert rules: of metrics that exist, which Prometheus can read, with somewhere to go on."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from edge_agent.protocol.metrics import METRICS, Kind, Side

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "docs/monitoring"
ALERTS = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [rule["expr"] for rule in RULES]
EXPRESSIONS += [target["expr"] for panel in PANELS for target in panel["targets"]]

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool, which `make promtool` gets, is not there"
)


def series():
    """Return the labels of everything that Prometheus may have, by its name."""
    found: dict[str, set[str]] = {}
    for metric in METRICS:
        labels = {label.name for label in metric.labels}
        if metric.side is Side.AGENT:
            labels |= {"agent"}
            found |= {f"airflow_{stat.replace('.', '_')}": labels for stat in metric.airflow}
        found[metric.prometheus] = labels
        if metric.kind is Kind.HISTOGRAM:
            found |= {f"{metric.prometheus}_{part}": labels | {"le"} for part in ("bucket", "sum", "count")}
    return found


SERIES = series()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_every_label_that_is_asked_for_exists(expression):
    asked = re.findall(r"\b((?:airflow_)?edge_agent_[a-z_]+)(?:\{([^}]*)\})?", expression)
    assert asked
    for name, matchers in asked:
        assert name in SERIES, name
        assert set(re.findall(r"(\w+)\s*[=!]", matchers)) <= SERIES[name]
    labels = set().union(*(SERIES[name] for name, _ in asked))
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert {each.strip() for each in grouped.split(",")} <= labels


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_is_wrong_and_what_to_do_and_where_to_read_on(rule):
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook"}
    assert notes["description"].endswith(".")
    assert rule["labels"]["severity"] in {"critical", "warning"}
    page, _, anchor = notes["runbook"].partition("#")
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    assert not anchor or anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_a_panel_has_a_title_a_description_and_an_id_of_its_own():
    assert all(panel["title"] and panel["description"].endswith(".") for panel in PANELS)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_what_is_worth_an_alert_is_on_the_dashboard():
    shown = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    asked = {name for rule in RULES for name in re.findall(r"\bedge_agent_[a-z_]+", rule["expr"])}
    assert {name for name in asked if name not in shown} <= {"edge_agent_spool_full"}


@needs_promtool
def test_prometheus_reads_every_expression_of_the_dashboard(tmp_path):
    variables = {"$__rate_interval": "5m", "$queue": ".*", "$agent": ".*"}
    rules = []
    for number, expression in enumerate(EXPRESSIONS):
        for name, value in variables.items():
            expression = expression.replace(name, value)  # noqa: PLW2901  one after the other
        rules.append({"record": f"expression:{number}", "expr": expression})
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", str(file))


@needs_promtool
def test_alerts_fire_when_they_should_and_not_before(tmp_path):
    for file in (MONITORING / "alerts.yaml", Path(__file__).parent / "monitoring" / "alerts_test.yaml"):
        shutil.copy(file, tmp_path)
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(tmp_path / "alerts.yaml"))
    promtool("test", "rules", str(tmp_path / "alerts_test.yaml"))


def promtool(*words):
    done = subprocess.run(["promtool", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
