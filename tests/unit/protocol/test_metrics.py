"""The table of metrics: what names may be, and what goes over the wire."""

from __future__ import annotations

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from edge_agent import retry
from edge_agent.assignment import Stage
from edge_agent.protocol import metrics
from edge_agent.protocol.metrics import MAX_FIGURES, METRICS, Figures, Kind, Side, sent_figures

OTEL_LONGEST = 63
"""Airflow drops what is longer, with its prefix."""


def test_no_two_metrics_share_a_name():
    names = [name for metric in METRICS for name in (metric.prometheus, *metric.airflow)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_and_explained_as_it_should_be(metric):
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", metric.name)
    assert metric.meaning[-1] == "."
    assert all(len(f"airflow.{name}") <= OTEL_LONGEST for name in metric.airflow)
    if metric.side is Side.AGENT and metric.kind is Kind.HISTOGRAM:
        assert metric.name.endswith("_seconds"), "the unit at Prometheus is part of the name"
    if metric.side is Side.AGENT:
        assert not metric.name.endswith("_total"), "that is put behind it"


def test_all_that_an_agent_may_send_has_room_in_one_beat_and_can_be_read():
    assert len(sent_figures()) <= MAX_FIGURES / 1.5, "and so has what the next release adds"
    figures = dict.fromkeys(sent_figures(), 1.5)
    assert TypeAdapter(Figures).validate_python(figures) == figures


def test_what_an_agent_sends_has_only_labels_whose_values_are_known():
    """A host could else make as many series as it likes."""
    sent = [metric for metric in METRICS if metric.side is Side.AGENT and metric.is_sent]
    assert all(label.values for metric in sent for label in metric.labels)


@pytest.mark.parametrize(
    "key", ["", "Slots", "slots/", "slots/a b", "slots\n", "slots/a/b/c/d", "x" * 65, "slots/\u00e9"]
)
def test_a_figure_with_another_name_is_refused(key):
    with pytest.raises(ValidationError):
        TypeAdapter(Figures).validate_python({key: 1})


def test_more_figures_than_there_can_be_are_refused():
    with pytest.raises(ValidationError):
        TypeAdapter(Figures).validate_python({f"a/{number}": 1 for number in range(MAX_FIGURES + 1)})


def test_labels_have_the_values_that_there_are():
    assert {*(metrics.STAGE.values or ())} == {stage.value for stage in Stage}
    verbs = {each.verb for each in vars(retry).values() if isinstance(each, retry.Patience)}
    assert {*(metrics.VERB.values or ())} == verbs
