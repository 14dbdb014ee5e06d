"""Everything the zygote does once so that no task has to.

A forked child shares, page by page, whatever is imported, read or built here, until it writes to it.
What each trick saved of a trivial task's 0.28 CPU seconds stands beside it (measured with Airflow
3.3.2 on Python 3.11; profile a child before adding another).
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edge_agent.task_host.environment import TASK_LOGS
from edge_agent.task_host.errors import TaskHostError

OLDEST_AIRFLOW = (3, 3)

OTEL_ON = "AIRFLOW__TRACES__OTEL_ON"

NEEDED = (
    "airflow.dag_processing.bundles.local",
    "airflow.dag_processing.dagbag",
    "airflow.executors.workloads",
    "airflow.sdk.execution_time.callback_supervisor",
    "airflow.sdk.execution_time.connection_test_supervisor",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.serialization.serialized_objects",
    "edge_agent.task_host.coordinator",
    "edge_agent.task_host.log_store",
    "edge_agent.task_host.workload",
    "setproctitle",
)
"""What every supervisor and every task imports."""

LIKELY = (
    # Dag files import these, mostly through `airflow.sdk`, which loads each only when asked: 0.10 s.
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.operators.bash",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.python",
    "airflow.sdk.definitions.decorators",
    "encodings.idna",
    "jinja2.ext",
)
"""What most Dags import. Absent on some hosts, which is no fault."""


def warm_up() -> None:
    """Import and build what tasks need, and freeze it.

    :raises TaskHostError: when this host cannot run Airflow tasks; says what to do.
    """
    _check_airflow()
    with _tracing_postponed():
        for name in NEEDED:
            importlib.import_module(name)
    for name in LIKELY:
        with suppress(ImportError):
            importlib.import_module(name)
    _check_logs()
    _load_public_names()
    _build_what_is_cached()
    _check_threads()
    # Objects that are never looked at by the collector stay in pages that are never copied.
    gc.collect()
    gc.freeze()


def wake_child() -> None:
    """Do in a forked child what could not be done before the fork."""
    from airflow.configuration import conf
    from structlog.contextvars import clear_contextvars

    clear_contextvars()
    if conf.getboolean("traces", "otel_on", fallback=False):
        from airflow._shared.observability.traces import configure_otel

        configure_otel(conf)


def _check_airflow() -> None:
    try:
        found = version("apache-airflow-core")
        version("apache-airflow-task-sdk")
    except PackageNotFoundError as error:
        msg = (
            f"Airflow is not installed for {sys.executable} ({error} is missing): "
            "install airflow-edge-agent[tasks] there, or let this agent take commands only."
        )
        raise TaskHostError(msg) from error
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST_AIRFLOW:
        msg = f"Airflow {found} is too old for this agent's tasks: install 3.3 or newer for {sys.executable}."
        raise TaskHostError(msg)


def _check_logs() -> None:
    """Refuse to run what would log elsewhere than the host's operator said.

    :raises TaskHostError: when it would; says what to do.
    """
    from edge_agent.task_host import log_store

    # Taken out: of the agent's settings, none is a task's business.
    log_store.check(os.environ.pop(TASK_LOGS, "push"))


@contextmanager
def _tracing_postponed() -> Iterator[None]:
    """Keep OpenTelemetry off while Airflow is imported: its exporter is a thread, and a fork copies none.

    :func:`wake_child` turns it on again, in the process that has something to export.
    """
    before = os.environ.get(OTEL_ON)
    os.environ[OTEL_ON] = "False"
    try:
        yield
    finally:
        del os.environ[OTEL_ON]
        if before is not None:
            os.environ[OTEL_ON] = before


def _load_public_names() -> None:
    import airflow.sdk

    for name in airflow.sdk.__all__:
        # Some need a provider that is not installed; 3.3.2 also lists one that does not exist.
        with suppress(ImportError, AttributeError):
            getattr(airflow.sdk, name)


def _build_what_is_cached() -> None:
    """Fill the caches every supervisor would fill for itself."""
    from airflow import settings
    from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded
    from airflow.sdk.listener import get_listener_manager
    from airflow.sdk.log import configure_logging, load_remote_log_handler, logging_processors

    from edge_agent.task_host.execution_client import ExecutionClient

    # Supervisors log to their stdout, which each redirects to its own attempt.
    configure_logging(output=sys.stdout.buffer, json_output=True)
    # The TLS context, with all of the system's and certifi's authorities: 0.08 s of each supervisor.
    ExecutionClient(base_url="http://localhost", token="").close()
    # Plugins, and the listeners among them: 0.02 s of each task and more where there are many.
    get_listener_manager()
    load_remote_log_handler()
    logging_processors(json_output=True)
    ensure_secrets_backend_loaded()
    # The engine Airflow builds for a database this host does not have.
    settings.dispose_orm(do_log=False)


def _check_threads() -> None:
    """Refuse to fork with a second thread: a child would inherit its locks, held for ever.

    :raises TaskHostError: when there is one. Airflow itself starts none.
    """
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    if len(names) > 1:
        known = sorted(thread.name for thread in threading.enumerate() if thread is not threading.main_thread())
        told = ", ".join(known or sorted(names))
        msg = (
            f"Something started threads while Airflow and its plugins were imported ({told}); tasks "
            "forked from here could hang. Remove that plugin, listener or airflow_local_settings from "
            "this host, or make it start its threads when they are first used."
        )
        raise TaskHostError(msg)
