"""Workloads as Airflow's scheduler makes them, and a whole Airflow moved to another database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from airflow import settings
from airflow.executors import workloads
from airflow.executors.workloads.base import BundleInfo
from airflow.executors.workloads.callback import CallbackDTO, CallbackFetchMethod, ExecuteCallback
from airflow.models.callback import ExecutorCallback
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import CallbackState
from sqlalchemy import Dialect

BUNDLE = "testing"
_COMPILED: dict[str, tuple[Dialect, dict[Any, Any]]] = {}


def workload_of(ti: TaskInstance) -> workloads.ExecuteTask:
    """Return the workload of a task instance, with a token in it."""
    made = workloads.ExecuteTask.make(ti, bundle_info=BundleInfo(name=BUNDLE))
    return made.model_copy(update={"token": "planted-token"})


def callback() -> ExecuteCallback:
    """Return the workload of a callback."""
    return ExecuteCallback(
        callback=CallbackDTO(
            id=str(uuid4()), fetch_method=CallbackFetchMethod.IMPORT_PATH, data={"path": "a.module.notify"}
        ),
        dag_rel_path=Path("dag.py"),
        bundle_info=BundleInfo(name=BUNDLE),
        log_path="executor_callbacks/x",
        token="planted-token",
    )


def connection_test(queue: str | None = None) -> workloads.TestConnection:
    """Return the workload of a connection test."""
    return workloads.TestConnection(
        connection_test_id=uuid4(), connection_id="c", timeout=60, queue=queue, token="planted-token"
    )


def add_callback(session: Any, workload: ExecuteCallback) -> None:
    """Store a callback as a missed deadline makes it, and queued."""
    definition = SimpleNamespace(serialize=lambda: {"path": "a.module.notify", "kwargs": {}, "executor": None})
    row = ExecutorCallback(definition, CallbackFetchMethod.IMPORT_PATH)
    row.id, row.state = UUID(workload.callback.id), CallbackState.QUEUED
    session.add(row)


@contextmanager
def airflow_on(url: str, monkeypatch: Any) -> Iterator[None]:
    """Let this process's Airflow work on another database."""
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", url)
    settings.configure_vars()
    settings.reconfigure_orm()
    _keep_compiled()
    try:
        yield
    finally:
        settings.dispose_orm(do_log=False)
        monkeypatch.undo()
        settings.configure_vars()
        settings.configure_orm()


def _keep_compiled() -> None:
    """Let statements be compiled once for all databases of a kind: that is half of what such a test costs."""
    engine = settings.get_engine()
    dialect, compiled = _COMPILED.setdefault(engine.dialect.name, (engine.dialect, {}))
    engine.dialect = dialect
    engine.update_execution_options(compiled_cache=compiled)
