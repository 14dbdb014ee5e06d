"""Hosts that cannot run tasks say why, and hosts that look as if they could not do."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.task_host import TaskHost, TaskHostError
from tests.support.task_site import AGENT, TaskSite, task

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).parents[3]
PLAIN_PYTHON = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"


async def test_an_interpreter_that_is_not_there(own_site: TaskSite):
    host = TaskHost(python="/nowhere/python", environment=own_site.environment(), log=own_site.log)

    with pytest.raises(TaskHostError, match=r"could not be started with /nowhere/python .*No such file"):
        await host.start()


async def test_an_interpreter_without_the_agent(own_site: TaskSite):
    host = TaskHost(python=PLAIN_PYTHON, environment=own_site.environment(), log=own_site.log)

    with pytest.raises(TaskHostError, match=r"ended before it was warm. It last said: .*edge_agent"):
        await host.ready()
    await host.stop()


async def test_an_interpreter_without_airflow(own_site: TaskSite, tmp_path: Path):
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "edge_agent").symlink_to(ROOT / "edge_agent")
    for name in ("annotated_types", "psutil", "pydantic", "pydantic_core", "typing_inspection"):
        _link_package(name, packages)
    (packages / "typing_extensions.py").symlink_to(_origin("typing_extensions"))
    environment = own_site.environment(PYTHONPATH=str(packages), PYTHONDONTWRITEBYTECODE="1")
    host = TaskHost(python=PLAIN_PYTHON, environment=environment, log=own_site.log)

    with pytest.raises(TaskHostError, match=r"Airflow is not installed.*install airflow-edge-agent\[tasks\]"):
        await host.ready()
    await host.stop()


async def test_a_host_too_slow_to_get_warm(own_host: Callable[..., TaskHost], monkeypatch: pytest.MonkeyPatch):
    """An import that hangs on a dead mount, say."""
    monkeypatch.setattr("edge_agent.task_host.host.WARM_SECONDS", 0.1)
    host = own_host()

    with pytest.raises(TaskHostError, match=r"was not warm after 0.1 s and was killed"):
        await host.ready()


async def test_a_plugin_that_starts_a_thread(own_host: Callable[..., TaskHost], own_site: TaskSite):
    """A fork copies one thread and every lock the others hold: the task may hang for ever."""
    plugins = own_site.home / "plugins"
    plugins.mkdir()
    (plugins / "busy.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, name='busy-plugin').start()\n"
    )
    host = own_host()

    with pytest.raises(TaskHostError, match=r"started threads .*busy-plugin.*[Rr]emove that plugin"):
        await host.ready()


async def test_a_configuration_that_cannot_be_read(own_host: Callable[..., TaskHost], own_site: TaskSite):
    (own_site.home / "airflow.cfg").write_text("this is no configuration\n")
    host = own_host()

    with pytest.raises(TaskHostError, match=r"Airflow cannot be loaded: .*no section headers"):
        await host.ready()


async def test_a_host_that_was_refused_is_tried_again(own_host: Callable[..., TaskHost], own_site: TaskSite):
    (own_site.home / "airflow.cfg").write_text("this is no configuration\n")
    host = own_host()
    attempt = own_site.prepare(task("simple", "succeeds"))
    with pytest.raises(TaskHostError):
        await host.spawn(attempt, server=own_site.api.url, agent_name=AGENT)

    (own_site.home / "airflow.cfg").unlink()

    run = await own_site.spawn(host, task("simple", "succeeds"))
    assert (await run.result()).state == "success"


@pytest.mark.timeout(120)  # it gets warm four times
async def test_a_slip_in_the_configuration_stops_new_work_and_not_what_was_confirmed(
    own_host: Callable[..., TaskHost], own_site: TaskSite
):
    """The same holds in the middle of an upgrade: what has begun to be loaded is half there."""
    host = own_host()
    await host.ready()
    (own_site.home / "airflow.cfg").write_text("this is no configuration\n")

    with pytest.raises(TaskHostError, match="Airflow cannot be loaded"):
        await host.ready()
    run = await own_site.spawn(host, task("simple", "succeeds"))
    assert (await run.result()).state == "success"

    (own_site.home / "airflow.cfg").write_text("[email]\nsubject_template = repaired\n")
    run = await own_site.spawn(host, task("simple", "tells"))
    assert (await run.result()).state == "success"
    assert own_site.api.xcoms["simple/manual__1/tells/return_value"]["setting"] == "repaired"


async def test_a_servers_configuration_tracing_and_a_home_that_is_not_there(
    own_host: Callable[..., TaskHost], own_site: TaskSite
):
    """No database, no driver for one, no home: a task needs none of them. Its trace is exported."""
    config = own_site.home / "airflow.cfg"
    config.write_text(
        "[database]\n"
        "sql_alchemy_conn = postgresql+nodriver://airflow:secret@db.example/airflow\n"
        "sql_alchemy_conn_async = postgresql+nodriver://airflow:secret@db.example/airflow\n"
        'sql_alchemy_engine_args = {"client_encoding": "utf8"}\n'
        "[core]\nexecutor = CeleryExecutor\n"
        "[workers]\nmax_failed_heartbeats = 1\n"
    )
    host = own_host(
        AIRFLOW_HOME="/proc/nowhere",
        AIRFLOW_CONFIG=str(config),
        AIRFLOW__TRACES__OTEL_ON="True",
        OTEL_TRACES_EXPORTER="console",
    )
    run = await own_site.spawn(host, task("simple", "succeeds"))

    assert (await run.result()).state == "success", run.said()
    assert "worker.succeeds" in run.said(), "no span was exported"


def _origin(name: str) -> str:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return spec.origin


def _link_package(name: str, folder: Path) -> None:
    (folder / name).symlink_to(Path(_origin(name)).parent)
