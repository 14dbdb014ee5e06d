"""The operator, its trigger and the sensor with a server that does as it is told."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred
from airflow.triggers.base import TriggerEvent

from airflow_plugin.commands.outcome import CommandFailed
from airflow_plugin.operators.edge_agent_command import EdgeAgentCommandOperator
from airflow_plugin.sensors.edge_agent_job import EdgeAgentJobSensor
from airflow_plugin.triggers.edge_agent_commands import EdgeAgentCommandsTrigger
from edge_agent.protocol import EndReason, JobState
from tests.support.waiting import wait_until, wait_until_async

pytestmark = pytest.mark.airflow


def operator(**values):
    known: dict[str, Any] = {"task_id": "t", "command": "true", "deferrable": True}
    return EdgeAgentCommandOperator(**known | values)


def deferred(operator, context):
    with pytest.raises(TaskDeferred) as paused:
        operator.execute(context)
    return paused.value


def trigger_of(pause):
    """Make the trigger again, as a triggerer does."""
    path, kwargs = pause.trigger.serialize()
    assert path == "airflow_plugin.triggers.edge_agent_commands.EdgeAgentCommandsTrigger"
    return EdgeAgentCommandsTrigger(**kwargs)


async def event_of(trigger):
    return [event async for event in trigger.run()]


def only(server):
    (command,) = server.commands.values()
    return command


def end(server, command, exit_code=0, log=b""):
    command.exit_code = exit_code
    command.reason = EndReason.EXIT
    server.change(command, state=JobState.FAILED if exit_code else JobState.SUCCEEDED, log=log)


async def test_what_takes_longer_than_a_moment_goes_on_in_the_triggerer_and_ends_on_a_worker(
    connected, context, task_instance, logged
):
    task = operator(output="all")
    pause = await asyncio.to_thread(deferred, task, context)
    command = only(connected)
    assert task_instance.xcoms["edge_agent_jobs"] == [str(command.id)]
    running = asyncio.create_task(event_of(trigger_of(pause)))
    connected.change(command, state=JobState.RUNNING, log=b"one\ntw")
    await wait_until_async(lambda: logged("one"), what="the line is logged")
    end(connected, command, log=b"o\n")
    (event,) = await running
    assert not logged("two"), "the worker logs what comes with the end"
    returned = await asyncio.to_thread(task.execute_complete, context, event.payload)
    assert logged("one", "two", "tw", "o") == ["one", "two"]
    assert returned == "one\ntwo\n"


async def test_the_deferral_keeps_what_is_not_submitted_and_nothing_of_what_was(connected, context):
    task = operator(command=None, commands=[{"command": "a", "env": {"P": "planted-1"}}, {"command": "b"}])
    pause = await asyncio.to_thread(deferred, task, context)
    _, kwargs = pause.trigger.serialize()
    assert "planted" not in str(kwargs)
    assert [each["submit"] is None for each in kwargs["course"]["entries"]] == [True, False]


async def test_a_trigger_that_is_killed_by_a_user_asks_the_queue_whether_that_is_so(connected, context):
    pause = await asyncio.to_thread(deferred, operator(), context)
    await trigger_of(pause).on_kill()
    cancel = only(connected).cancel
    assert cancel.only_if_unwanted
    await trigger_of(pause).cleanup()


async def test_a_sensors_trigger_ends_nothing(connected, context):
    command = connected.add()
    sensor = EdgeAgentJobSensor(task_id="s", job_id=str(command.id), deferrable=True)
    pause = await asyncio.to_thread(deferred, sensor, context)
    await trigger_of(pause).on_kill()
    assert command.cancel is None


async def test_what_cannot_be_waited_for_is_told_to_the_task(connected, context):
    pause = await asyncio.to_thread(deferred, operator(), context)
    connected.commands.clear()
    (event,) = await event_of(trigger_of(pause))
    assert isinstance(event, TriggerEvent)
    with pytest.raises(AirflowException, match="does not know the command"):
        operator().execute_complete(context, event.payload)


def test_a_worker_that_is_told_to_stop_ends_the_command(connected, context):
    task = operator(deferrable=True)
    deferred(task, context)
    task.on_kill()
    assert only(connected).cancel.reason == "Airflow ended the task."
    assert not only(connected).cancel.only_if_unwanted


def test_a_deferral_that_timed_out_ends_the_command(connected, context):
    task = operator()
    deferred(task, context)
    with pytest.raises(Exception, match="timeout"):
        task.resume_execution("__fail__", {"error": "Trigger timeout"}, context)
    assert only(connected).cancel is not None


def test_without_waiting_the_id_is_returned_and_the_command_is_not_tied_to_the_end(connected, context):
    returned = operator(wait=False).execute(context)
    command = only(connected)
    assert UUID(returned) == command.id
    assert not command.submit.tie.ends_with_it


def test_several_that_are_not_waited_for_are_submitted_at_once_or_refused(connected, context):
    with pytest.raises(AirflowFailException, match="order='parallel'"):
        operator(command=None, commands=["a", "b"], wait=False).execute(context)
    assert connected.commands == {}
    returned = operator(command=None, commands=["a", "b"], wait=False, order="parallel").execute(context)
    assert [UUID(each) for each in returned] == [*connected.commands]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"commands": ["a"]}, "either 'command'"),
        ({"command": None}, "either 'command'"),
        ({"command": " "}, "is blank"),
        ({"on_agent_lost": "pray"}, "on_agent_lost"),
        ({"env": {"A": 1}}, "env.A"),
    ],
)
def test_what_is_no_command_is_not_tried_again(connected, context, values, said):
    with pytest.raises(AirflowFailException, match=said):
        operator(**values).execute(context)
    assert connected.commands == {}


def test_a_sensor_shows_what_nobody_has_shown_and_fails_with_the_command(connected, context, logged):
    command = connected.add(log=b"one\ntwo\nthr", read_offset=4, state=JobState.RUNNING)
    sensor = EdgeAgentJobSensor(task_id="s", job_id=str(command.id), mode="reschedule", deferrable=False)
    assert sensor.poke_interval == 10
    assert not sensor.poke(context)
    assert command.read_offset == 8
    again = EdgeAgentJobSensor(task_id="s", job_id=str(command.id), deferrable=False)
    end(connected, command, 3, log=b"ee\n")
    with pytest.raises(AirflowFailException, match="exit code 3"):
        again.poke(context)
    assert logged("one", "two", "three") == ["two", "three"]


@pytest.mark.parametrize("job_id", ["none", [], ["x"]])
def test_a_sensor_wants_ids(connected, context, job_id):
    with pytest.raises(AirflowFailException, match="job_id"):
        EdgeAgentJobSensor(task_id="s", job_id=job_id, deferrable=False).poke(context)


def test_a_sensor_looks_no_more_often_than_is_worth_a_process():
    assert EdgeAgentJobSensor(task_id="s", job_id="x", mode="reschedule", poke_interval=1).poke_interval == 10
    assert EdgeAgentJobSensor(task_id="s", job_id="x", mode="poke", poke_interval=1).poke_interval == 1


def test_a_failed_command_leaves_its_results_and_its_last_words(connected, context, task_instance):
    task = operator(command=None, commands=["a", "b"], deferrable=True)
    pause = deferred(task, context)
    end(connected, only(connected), 4, log=b"no such table\n")
    event = {"course": pause.trigger.serialize()[1]["course"], "error": None}
    with pytest.raises(CommandFailed) as failed:
        operator(command="what a function once said").execute_complete(context, event)
    for part in ("exit code 4", "no such table", "Not run: '2'"):
        assert part in str(failed.value)
    assert [each["state"] for each in task_instance.xcoms["return_value"]] == ["failed", "not_run"]


def test_the_whole_of_it_without_deferring(connected, context, monkeypatch):
    import threading

    def run():
        wait_until(lambda: connected.commands, what="it is submitted", timeout=20)
        end(connected, only(connected), log=b"5 rows\n")

    thread = threading.Thread(target=run)
    thread.start()
    assert operator(deferrable=False).execute(context) == "5 rows"
    thread.join()
