"""A collector: takes what OpenTelemetry sends over HTTP, and keeps it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Tags = dict[str, Any]


class Collector:
    """Listens while it is entered. ``environment``: what makes Airflow send everything here."""

    def __init__(self) -> None:
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.traces: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
                if self.path == "/v1/metrics":
                    collector.metrics.append(ExportMetricsServiceRequest.FromString(body))
                else:
                    collector.traces.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """What makes Airflow send everything here, soon."""
        return {
            "AIRFLOW__METRICS__OTEL_ON": "True",
            "AIRFLOW__TRACES__OTEL_ON": "True",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._server.server_port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_TRACES_EXPORTER": "otlp_proto_http",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }

    def points(self, name: str | None = None) -> Iterator[tuple[str, Tags, Any]]:
        """Return every number that came: the metric's name, the tags, and the value or how many there were."""
        for request in list(self.metrics):
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        if name in (None, metric.name):
                            yield from _points(metric)

    def names(self) -> set[str]:
        """Return the names of all metrics that came."""
        return {name for name, *_ in self.points()}

    def latest(self, name: str, **tags: str) -> Any:
        """Return the last number of one metric with these tags among others; None: there was none."""
        found = [value for _, has, value in self.points(name) if tags.items() <= has.items()]
        return found[-1] if found else None

    def spans(self) -> list[Span]:
        """Return every span that came."""
        resources = [resource for request in list(self.traces) for resource in request.resource_spans]
        return [span for resource in resources for scope in resource.scope_spans for span in scope.spans]


def _points(metric: Any) -> Iterator[tuple[str, Tags, Any]]:
    kind = metric.WhichOneof("data")
    for point in getattr(metric, kind).data_points:
        is_number = kind in ("sum", "gauge")
        value = getattr(point, point.WhichOneof("value")) if is_number else point.count
        yield metric.name, tags_of(point.attributes), value


def tags_of(attributes: Any) -> Tags:
    """Return attributes as a mapping."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
