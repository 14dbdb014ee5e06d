"""Many who wait in one event loop, and one request that is held for them."""

from __future__ import annotations

import asyncio
import gc
import time
from uuid import uuid4

import pytest

from airflow_plugin.commands import errors, shared_client
from airflow_plugin.commands.shared_watch import LONGEST_SECONDS
from airflow_plugin.hooks.edge_agent import EdgeAgentHook
from edge_agent.protocol import JobState
from edge_agent.protocol.commands import MAX_WATCHED, Seen
from tests.support.waiting import wait_until, wait_until_async


def queued(command, **more):
    return Seen(id=command.id, state=JobState.QUEUED, **more)


async def follow(command, *, outage_seconds=30.0, wait_seconds=25.0):
    """Wait for the end of a command as a trigger does, with a hook of its own; return the states on the way."""
    hook, seen = EdgeAgentHook(outage_seconds=outage_seconds), queued(command, log_bytes=0)
    states: list[JobState] = []
    while not states or not states[-1].is_terminal:
        for view in (await hook.await_([seen], wait_seconds)).commands:
            seen = Seen(id=view.id, state=view.state, log_bytes=view.log_bytes, read_offset=view.log_bytes)
            states.append(view.state)
    return states


@pytest.fixture
async def following(server, hook):
    """Give a function that lets triggers follow commands, and waits until one request is held for all of them."""
    running: list[asyncio.Task[list[JobState]]] = []

    async def start(commands, **how):
        running.extend(asyncio.create_task(follow(command, **how)) for command in commands)
        await held_for(server, commands)
        return running[-len(commands) :]

    yield start
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def held_for(server, commands):
    ids = {command.id for command in commands}
    await wait_until_async(
        lambda: server.held > 0 and {seen.id for seen in server.watches[-1].commands} >= ids,
        what=f"a request is held for {len(ids)} commands",
    )


async def test_two_hundred_waits_are_one_held_request(server, following):
    commands = [server.add() for _ in range(200)]
    waits = await following(commands)
    assert (server.held, len(server.watches)) == (1, 1)
    server.change(commands[7], state=JobState.SUCCEEDED)
    await waits[7]
    await held_for(server, commands[:7] + commands[8:])
    assert (server.most_held, len(server.watches)) == (1, 2)
    for command in commands:
        server.change(command, state=JobState.SUCCEEDED)
    assert await asyncio.gather(*waits) == [[JobState.SUCCEEDED]] * 200


async def test_waits_that_begin_anew_at_their_end_leave_the_request_alone(server, following):
    """A trigger's wait is as long as it likes; only what it has seen decides whether another request is needed."""
    command, other = server.add(), server.add()
    (wait,) = await following([command], wait_seconds=0.1)
    began = time.monotonic()
    await wait_until_async(lambda: time.monotonic() - began > 2, what="many waits are over")
    assert len(server.watches) == 1
    await following([other])
    server.change(command, state=JobState.SUCCEEDED)
    assert await wait == [JobState.SUCCEEDED]


async def test_somebody_new_is_heard_of_at_once(server, following):
    first, second = server.add(), server.add()
    waits = await following([first])
    assert server.watches[0].wait_seconds == LONGEST_SECONDS
    waits += await following([second])
    server.change(second, state=JobState.SUCCEEDED)
    assert await waits[1] == [JobState.SUCCEEDED]
    assert not waits[0].done()


async def test_a_request_that_was_ended_for_somebody_new_is_followed_by_short_ones(server, following):
    """The server holds what was ended to its end: 4 that come each second must not leave 100 requests behind."""
    for _ in range(4):
        await following([server.add()])
    assert [watch.wait_seconds for watch in server.watches[:2]] == [LONGEST_SECONDS, 1.0]
    assert all(watch.wait_seconds <= 2.0 for watch in server.watches[1:])
    await wait_until_async(lambda: server.watches[-1].wait_seconds >= 4.0, what="it grows again", timeout=20)


async def test_news_is_told_in_turn_while_a_log_grows(server, following):
    command, quiet = server.add(), server.add()
    wait, other = await following([command, quiet])
    for number in range(5):
        server.change(command, log=b"%d\n" % number)
        await wait_until_async(lambda: command.read_offset == len(command.log), what="it was read")
    server.change(command, state=JobState.FAILED)
    assert await wait == [JobState.QUEUED] * 5 + [JobState.FAILED]
    assert not other.done()
    assert server.most_held == 1


async def test_two_who_have_seen_different_things_of_one_command_both_hear_what_is_news_to_them(server, hook):
    command = server.add(log=b"abc")
    late = asyncio.create_task(hook.await_([queued(command, log_bytes=3, read_offset=3)], 20))
    early = asyncio.create_task(hook.await_([queued(command, log_bytes=1)], 20))
    assert (await early).commands[0].log_bytes == 3
    assert not late.done()
    behind = asyncio.create_task(hook.await_([Seen(id=command.id, state=JobState.RUNNING)], 20))
    assert (await behind).commands[0].state is JobState.QUEUED
    assert not late.done()
    server.change(command, log=b"d")
    assert (await late).commands[0].log_bytes == 4
    assert command.read_offset == 3


async def test_what_is_not_there_is_told_to_who_asked(server, following, hook):
    await following([server.add()])
    gone = uuid4()
    assert (await hook.await_([Seen(id=gone)], 20)).unknown == (gone,)


async def test_more_than_one_request_holds_are_several(server, following):
    commands = [server.add() for _ in range(MAX_WATCHED + 1)]
    tasks = [asyncio.create_task(follow(command)) for command in commands]
    try:
        await wait_until_async(lambda: server.held == 2, what="two requests are held", timeout=30)
        server.change(commands[0], state=JobState.SUCCEEDED)
        server.change(commands[-1], state=JobState.SUCCEEDED)
        assert [await tasks[0], await tasks[-1]] == [[JobState.SUCCEEDED]] * 2
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_who_is_cancelled_leaves_the_others_waiting(server, following):
    commands = [server.add(), server.add()]
    waits = await following(commands)
    waits[0].cancel()
    await asyncio.wait([waits[0]])
    assert waits[0].cancelled()
    server.change(commands[0], state=JobState.SUCCEEDED)
    server.change(commands[1], state=JobState.SUCCEEDED)
    assert await waits[1] == [JobState.SUCCEEDED]


async def test_a_request_nobody_waits_for_is_given_up(server, following):
    (wait,) = await following([server.add()])
    wait.cancel()
    (clients,) = shared_client.LOOPS.values()
    (shared,) = clients.values()
    await wait_until_async(lambda: all(lane.is_over for lane in shared.watch.lanes), what="its lane ends")


async def test_an_outage_is_waited_out_by_all_with_one_request_at_a_time(server, following):
    commands = [server.add() for _ in range(50)]
    waits = await following(commands)
    server.cut()
    began = time.monotonic()
    await wait_until_async(lambda: time.monotonic() - began > 3, what="an outage lasts")
    for command in commands:
        server.change(command, state=JobState.SUCCEEDED)
    server.mend()
    assert await asyncio.gather(*waits) == [[JobState.SUCCEEDED]] * 50
    assert len(server.calls_of("watch")) < 10


@pytest.mark.parametrize("kind", ["lost", "drop", "half", "html", "status"])
async def test_news_whose_answer_was_lost_is_told_again(server, following, kind):
    commands = [server.add(), server.add()]
    waits = await following(commands)
    fault = server.fault("watch", kind, times=2)
    for command in commands:
        server.change(command, state=JobState.SUCCEEDED)
    assert await asyncio.gather(*waits) == [[JobState.SUCCEEDED]] * 2
    await wait_until_async(lambda: fault.met or kind in {"lost", "html", "status"}, what="it was met")


async def test_in_an_outage_each_is_as_patient_as_it_said(server, following, caplog):
    short, long = server.add(), server.add()
    (gives_up,) = await following([short], outage_seconds=0.5, wait_seconds=1)
    (goes_on,) = await following([long], outage_seconds=None, wait_seconds=1)
    server.cut()
    with pytest.raises(errors.Unreachable):
        await gives_up
    await wait_until_async(lambda: "has not answered as it should" in caplog.text, what="it is in the task's log")
    server.mend()
    server.change(long, state=JobState.SUCCEEDED)
    assert await goes_on == [JobState.SUCCEEDED]


async def test_what_is_refused_is_told_to_all_who_asked(server, following):
    commands = [server.add(), server.add()]
    waits = await following(commands)
    server.tokens = set()
    server.change(commands[0], log=b"more")
    for wait in waits:
        with pytest.raises(errors.Unauthenticated):
            await wait


async def test_a_token_is_replaced_under_two_hundred_who_wait(server, following, connect):
    commands = [server.add() for _ in range(200)]
    waits = await following(commands)
    server.tokens = {"est_another"}
    connect(server.url, "est_another")
    server.change(commands[0], log=b"more")
    await wait_until_async(lambda: server.calls_of("watch")[-1].token == "est_another", what="the new token is used")
    await held_for(server, commands)
    for command in commands:
        server.change(command, state=JobState.SUCCEEDED)
    assert {states[-1] for states in await asyncio.gather(*waits)} == {JobState.SUCCEEDED}
    assert len(server.calls_of("watch")) < 10


async def test_hooks_of_one_connection_share_their_client(server, following, hook):
    await following([server.add(), server.add()])
    await hook.aget(next(iter(server.commands)))
    (clients,) = shared_client.LOOPS.values()
    assert len(clients) == 1


async def test_a_client_nobody_uses_is_closed(server, hook, monkeypatch):
    monkeypatch.setattr(shared_client, "LINGER_SECONDS", 0.1)
    await hook.aget(server.add().id)
    await hook.aget(server.add().id)
    (clients,) = shared_client.LOOPS.values()
    await wait_until_async(lambda: not clients, what="the client has gone")
    await hook.aget(server.add().id)


def test_a_loop_that_ends_takes_everything_with_it(server, hook):
    command = server.add()

    async def begin():
        wait = asyncio.create_task(follow(command))
        await held_for(server, [command])
        return wait

    assert asyncio.run(begin()).cancelled()
    gc.collect()  # an open socket or a task that was destroyed would be a warning, and that an error
    server.change(command, state=JobState.SUCCEEDED)
    wait_until(lambda: server.held == 0, what="the server is done with it")
    assert asyncio.run(follow(command)) == [JobState.SUCCEEDED]


def test_one_loop_after_another_and_threads_beside_each_other_have_their_own(server, hook):
    command = server.add(state=JobState.SUCCEEDED)

    async def both():
        return await asyncio.gather(follow(command), asyncio.to_thread(lambda: asyncio.run(follow(command))))

    for _ in range(2):
        assert asyncio.run(both()) == [[JobState.SUCCEEDED]] * 2
    assert all(loop.is_closed() for loop in shared_client.LOOPS)
