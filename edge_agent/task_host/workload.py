"""One Airflow workload, run by Airflow's own supervisor in this process, judged by what Airflow was told."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from airflow.executors import workloads
from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.callback_supervisor import supervise_callback
from airflow.sdk.execution_time.connection_test_supervisor import supervise_connection_test
from airflow.sdk.execution_time.supervisor import supervise_task
from pydantic import TypeAdapter, ValidationError

from edge_agent.attempt_dir import AttemptDir, Result
from edge_agent.errors import CannotStart
from edge_agent.fresh_token import FreshToken
from edge_agent.task_host import coordinator, log_store
from edge_agent.task_host.environment import LOAD_EXAMPLES
from edge_agent.task_host.execution_client import ExecutionClient
from edge_agent.task_host.log_path import relative_log
from edge_agent.task_host.outcome import Told, judge

EXAMPLES = ("example_dags", "-example-dags")
"""How the names of the bundles end that Airflow makes of its own and its providers' examples."""

# Built once, in the zygote: building it costs more than using it.
_READER: TypeAdapter[workloads.ExecutorWorkload] = TypeAdapter(workloads.ExecutorWorkload)


@dataclass
class Work:
    """One workload on its way. ``told`` is read by whoever has to end it early, too."""

    workload: workloads.ExecutorWorkload
    log: str | None
    server: str
    client: ExecutionClient
    bounds: dict[str, Any]
    """What the policy of the host takes from a task, as the coordinator wants it."""
    attempt: AttemptDir

    @property
    def told(self) -> Told:
        """What passed between task and Airflow so far."""
        return self.client.told

    @property
    def title(self) -> str:
        """What the process list shows."""
        if isinstance(self.workload, workloads.ExecuteTask):
            return f"{self.workload.ti.dag_id}.{self.workload.ti.task_id}"
        return self.workload.display_name

    def write_to_store(self, afterwards: ExitStack) -> None:
        """Have its log written to the host's log store, and looked for there when its end is on the disk."""
        if self.log is not None:
            log_store.aim(self.attempt.log_folder)
            afterwards.callback(log_store.look, self.attempt, self.log, self.client)

    def run(self) -> Result:
        """Run it to its end. Whatever Airflow's supervisor raises goes through."""
        match self.workload:
            case workloads.ExecuteTask():
                return judge(self._run_task(self.workload), self.told)
            case workloads.ExecuteCallback():
                return Result(exit_code=self._run_callback(self.workload))
            case _:
                return Result(exit_code=self._run_connection_test(self.workload))

    def _run_task(self, task: workloads.ExecuteTask) -> int:
        choose_coordinator(task.ti.queue or "default", self.bounds)
        if task.bundle_info.name.endswith(EXAMPLES):
            os.environ[LOAD_EXAMPLES] = "True"  # Off for all others; Airflow knows these bundles only then.
        return supervise_task(
            ti=task.ti,  # type: ignore[arg-type]  # Airflow's executors pass it too: it looks the same
            bundle_info=task.bundle_info,
            dag_rel_path=task.dag_rel_path,
            token=task.token,
            server=self.server,
            log_path=self.log,
            client=self.client,
            sentry_integration=task.sentry_integration,
        )

    def _run_callback(self, callback: workloads.ExecuteCallback) -> int:
        return supervise_callback(
            id=callback.callback.id,
            callback_path=callback.callback.data.get("path", ""),
            callback_kwargs=callback.callback.data.get("kwargs", {}),
            dag_rel_path=callback.dag_rel_path,
            log_path=self.log,
            bundle_info=callback.bundle_info,
            token=callback.token,
            server=self.server,
            client=self.client,
        )

    def _run_connection_test(self, test: workloads.TestConnection) -> int:
        return supervise_connection_test(
            connection_test_id=test.connection_test_id,
            connection_id=test.connection_id,
            timeout=test.timeout,
            token=test.token,
            server=self.server,
        )


def read(payload: dict[str, Any], *, server: str, attempt: AttemptDir) -> Work:
    """Make what the server confirmed into something to run. ``attempt``: where it may ask for a new token.

    :raises CannotStart: when it is no workload this Airflow knows.
    """
    try:
        workload = _READER.validate_python(payload["workload"])
    except KeyError:
        msg = "The payload holds no workload."
        raise CannotStart(msg) from None
    except ValidationError as error:
        # Field names only, and no cause: the error itself would show the input, and with it the token.
        fields = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)
        )
        msg = f"Airflow on this host cannot read the workload: {fields}."
        raise CannotStart(msg) from None
    client = ExecutionClient(base_url=server, token=workload.token, fresh=FreshToken(attempt))
    bounds = {name: payload[name] for name in ("run_as_user", "limits") if payload.get(name)}
    return Work(workload, relative_log(payload), server, client, bounds, attempt)


def choose_coordinator(queue: str, bounds: dict[str, Any]) -> None:
    """Have the tasks of this queue run by ours, unless the host's operator chose one for it.

    :raises CannotStart: when he did, and the policy of the host wants of a task what only ours sees to.
    """
    chosen = conf.getjson("sdk", "queue_to_coordinator", fallback={})
    if queue in chosen:
        if bounds:
            msg = (
                f"The policy of this host bounds tasks ({', '.join(bounds)} under [tasks]), which the coordinator "
                f"{chosen[queue]!r} of queue {queue!r} does not see to: remove the one or the other."
            )
            raise CannotStart(msg)
        return
    known = conf.getjson("sdk", "coordinators", fallback={})
    os.environ["AIRFLOW__SDK__QUEUE_TO_COORDINATOR"] = json.dumps(chosen | {queue: coordinator.NAME})
    ours = {"classpath": coordinator.CLASSPATH, "kwargs": bounds}
    os.environ["AIRFLOW__SDK__COORDINATORS"] = json.dumps(known | {coordinator.NAME: ours})
