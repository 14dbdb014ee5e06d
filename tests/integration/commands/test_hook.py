"""The hook, both ways, with a real server behind a line that fails on order."""

from __future__ import annotations

import gc
import inspect
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_plugin.commands import errors
from airflow_plugin.commands.answers import LogBytes, Output
from airflow_plugin.hooks.edge_agent import EdgeAgentHook
from edge_agent.protocol import JobState, Problem, ProblemReason
from edge_agent.protocol.commands import MAX_WATCHED, Seen, Submit
from tests.support.fake_commands import PROBLEM, TOKEN
from tests.support.waiting import wait_until

TWINS = {
    "submit": "asubmit", "get": "aget", "wait": "await_", "logs": "alogs", "output": "aoutput", "cancel": "acancel",
}  # fmt: skip


@pytest.fixture(params=["a task", "a trigger"])
def do(request, hook):
    """Give a function that calls a method of the hook, as a task does and as a trigger does."""

    async def call(name, *args, **kwargs):
        if request.param == "a task":
            return getattr(hook, name)(*args, **kwargs)
        return await getattr(hook, TWINS[name])(*args, **kwargs)

    return call


def problem(reason, status, **headers):
    body = Problem(reason=reason, message="So it is.").model_dump_json().encode()
    return {"status": status, "body": body, "headers": PROBLEM | headers}


async def test_a_command_is_submitted_watched_read_and_cancelled(server, do):
    submitted = await do("submit", Submit(command="true", label="mine", key="k"))
    job_id = submitted.command.id
    assert (submitted.attached, submitted.command.label) == (False, "mine")
    assert (await do("submit", Submit(command="true", key="k"))).attached
    assert (await do("get", job_id)).state is JobState.QUEUED

    seen = Seen(id=job_id, state=JobState.QUEUED, log_bytes=0)
    assert (await do("wait", [seen], 0)).commands == ()
    server.change(server.commands[job_id], state=JobState.RUNNING, log=b"one\ntwo\n")
    (view,) = (await do("wait", [seen], 10)).commands
    assert (view.state, view.log_bytes) == (JobState.RUNNING, 8)

    assert await do("logs", job_id, 0, 5) == LogBytes(b"one\nt", 5, is_over=False)
    server.change(server.commands[job_id], state=JobState.SUCCEEDED)
    assert await do("logs", job_id, 5) == LogBytes(b"wo\n", 8, is_over=True)
    assert await do("output", job_id, limit=4) == Output(b"two\n", 8, is_whole=True)

    view = await do("cancel", job_id, "no more", only_if_unwanted=True)
    assert not view.is_wanted
    cancel = server.commands[job_id].cancel
    assert (cancel.reason, cancel.only_if_unwanted) == ("no more", True)


async def test_a_wait_tells_what_is_not_there(server, do):
    gone = uuid4()
    assert (await do("wait", [Seen(id=gone)], 5)).unknown == (gone,)
    assert (await do("wait", [], 5)).unknown == ()


async def test_more_than_one_watch_holds_are_waited_for_too(server, do):
    commands = [server.add() for _ in range(MAX_WATCHED + 3)]

    def start_the_last_when_all_are_watched():
        sizes = {MAX_WATCHED, 3}
        wait_until(lambda: {len(watch.commands) for watch in server.watches} == sizes, what="all are watched")
        server.change(commands[-1], state=JobState.RUNNING)

    with ThreadPoolExecutor(1) as thread:
        started = thread.submit(start_the_last_when_all_are_watched)
        news = await do("wait", [Seen(id=each.id, state=JobState.QUEUED) for each in commands], 4)
        started.result()
    assert [view.id for view in news.commands] == [commands[-1].id]


async def test_a_submit_goes_to_the_default_queue_unless_it_names_another_or_an_agent(server, do, connect):
    connect(server.url, default_queue="onprem")
    queues = [(await do("submit", submit)).command.queue for submit in (Submit(command="a"), Submit(command="a"))]
    assert queues == ["onprem", "onprem"]
    assert (await do("submit", Submit(command="a", queue="else"))).command.queue == "else"
    assert (await do("submit", Submit(command="a", agent="h"))).command.queue == "first"


@pytest.mark.parametrize("kind", ["drop", "half", "lost", "torn"])
async def test_a_submit_whose_answer_was_lost_is_the_same_command(server, do, kind):
    """Also one without a key of its own."""
    fault = server.fault("submit", kind)
    submitted = await do("submit", Submit(command="true"))
    assert fault.met == 1
    assert [*server.commands] == [submitted.command.id]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lost", "times": 2},
        {"kind": "status", "times": 2},
        {"kind": "status", "times": 2, "status": 502},
        {"kind": "status", **problem(ProblemReason.UNAVAILABLE, 503)},
        {"kind": "status", **problem(ProblemReason.INTERNAL, 500)},
        {"kind": "status", **problem(ProblemReason.TOO_MANY_REQUESTS, 429, **{"Retry-After": "1"})},
    ],
    ids=["no answer", "a page", "a gateway", "not now", "a defect", "too fast"],
)
async def test_what_passes_is_waited_for(server, do, fault):
    command = server.add()
    order = server.fault("get", **fault)
    assert (await do("get", command.id)).id == command.id
    assert order.met == fault.get("times", 1)


async def test_a_server_that_asks_for_time_is_given_it(server, do):
    command = server.add()
    server.fault("get", "status", **problem(ProblemReason.TOO_MANY_REQUESTS, 429, **{"Retry-After": "2"}))
    await do("get", command.id)
    first, second = server.calls_of("get")
    assert second.at - first.at >= 2


@pytest.mark.parametrize(
    ("reason", "status", "error"),
    [
        (ProblemReason.FORBIDDEN, 403, errors.Forbidden),
        (ProblemReason.NOT_FOUND, 404, errors.NotFound),
        (ProblemReason.CONFLICT, 409, errors.Conflict),
        (ProblemReason.INVALID, 422, errors.Invalid),
        (ProblemReason.VERSION, 400, errors.VersionMismatch),
        (ProblemReason.TOO_LARGE, 413, errors.ProblemAnswer),
    ],
)
async def test_what_the_server_refuses_is_not_asked_again(server, do, reason, status, error):
    server.fault("submit", "status", **problem(reason, status))
    with pytest.raises(error, match=r"^So it is\.$") as refused:
        await do("submit", Submit(command="true"))
    assert (refused.value.reason, refused.value.status) == (reason, status)
    assert len(server.calls_of("submit")) == 1


async def test_a_conflict_says_where_the_command_is(server, do):
    body = Problem(reason=ProblemReason.CONFLICT, message="Not yet.", state="running").model_dump_json().encode()
    server.fault("submit", "status", status=409, body=body, headers=PROBLEM)
    with pytest.raises(errors.Conflict) as refused:
        await do("submit", Submit(command="true"))
    assert refused.value.state is JobState.RUNNING


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "html"}, "without the Edge-Agent-Protocol header"),
        ({"kind": "status", "status": 404, "body": b'{"detail":"Not Found"}'}, "the extra 'path' right"),
        ({"kind": "status", "status": 302, "headers": {"Location": "/login?next=planted"}}, "leads to /login"),
        ({"kind": "status", "status": 200, "headers": {"Edge-Agent-Protocol": "9"}}, "version 9, this task speaks 1"),
        ({"kind": "status", "status": 200, "headers": PROBLEM, "body": b"{"}, "that we cannot read"),
    ],
    ids=["a page", "no such place", "a login", "a version to come", "no message"],
)
async def test_a_server_that_never_was_a_queue_api_is_told_of_at_once(server, do, fault, words):
    server.fault("submit", **fault)
    with pytest.raises(errors.QueueApiError, match=words) as refused:
        await do("submit", Submit(command="true"))
    assert "planted" not in str(refused.value)
    assert len(server.calls_of("submit")) == 1


async def test_what_was_a_queue_api_is_taken_to_be_one_again(server, do):
    command = server.add()
    await do("get", command.id)
    fault = server.fault("get", "html", times=2)
    await do("get", command.id)
    assert fault.met == 2


async def test_patience_with_an_outage_has_an_end(server, hook):
    hook.outage_seconds = 0.5
    server.cut()
    with pytest.raises(errors.Unreachable, match=server.url):
        hook.get(uuid4())
    with pytest.raises(errors.Unreachable, match=server.url):
        await hook.aget(uuid4())
    with pytest.raises(errors.Unreachable, match=server.url):
        await hook.await_([Seen(id=uuid4())], 25)


async def test_a_token_that_was_replaced_in_the_connection_is_taken_up(server, do, connect):
    command = server.add()
    await do("get", command.id)
    server.tokens = {"est_another"}
    connect(server.url, "est_another")
    assert (await do("get", command.id)).id == command.id
    assert (await do("wait", [Seen(id=command.id)], 5)).commands
    assert [call.token for call in server.calls_of("get")] == [TOKEN, TOKEN, "est_another"]


async def test_a_token_is_replaced_while_a_trigger_waits(server, hook, connect):
    """The request that is held goes on; the next is refused, and the connection read anew."""
    command = server.add()
    seen = Seen(id=command.id, state=JobState.QUEUED, log_bytes=0)
    assert (await hook.await_([seen], 0.2)).commands == ()
    server.tokens = {"est_another"}
    connect(server.url, "est_another")
    server.change(command, log=b"more")
    (view,) = (await hook.await_([seen], 20)).commands
    assert view.log_bytes == 4
    server.change(command, state=JobState.SUCCEEDED)
    assert (await hook.await_([seen.model_copy(update={"log_bytes": 4})], 20)).commands


async def test_a_token_that_nobody_replaced_is_refused(server, do):
    server.tokens = set()
    for name, argument in (("get", uuid4()), ("wait", [Seen(id=uuid4())])):
        with pytest.raises(errors.Unauthenticated, match="not known") as refused:
            await do(name, argument)
        assert TOKEN not in f"{refused.value!r} {vars(refused.value)}"


def test_the_test_button_says_what_the_token_allows(hook):
    said = "The token 'of tests' may send commands to the queues a, b, to run as the agent's user or no other user."
    assert hook.test_connection() == (True, said)


def test_the_test_button_says_what_is_wrong_and_asks_once(server, hook, connect, monkeypatch):
    server.fault("rights", "status", status=503)
    is_good, said = hook.test_connection()
    assert (is_good, len(server.calls_of("rights"))) == (False, 1)
    assert "503" in said
    connect(server.url, "est_wrong")
    assert hook.test_connection() == (False, "This token is not known.")
    connect("http://airflow.example.com")
    assert "is not encrypted" in hook.test_connection()[1]
    monkeypatch.delenv("AIRFLOW_CONN_EDGE_AGENT_DEFAULT")
    assert "isn't defined" in hook.test_connection()[1]


def test_a_connection_that_is_not_there_is_airflows_to_tell(hook):
    with pytest.raises(AirflowNotFoundException):
        EdgeAgentHook("not_there").get(uuid4())


def test_a_hook_that_is_forgotten_leaves_no_connection_open(server, connect):
    connect(server.url)
    EdgeAgentHook().rights()
    gc.collect()  # an open socket would be a warning, and that an error


def test_a_proxy_that_makes_no_sense_is_named(connect, monkeypatch):
    connect("https://airflow.example.com")
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(errors.ConnectionUnusable, match="HTTPS_PROXY"):
        EdgeAgentHook().rights()


@pytest.mark.parametrize(("name", "twin"), TWINS.items())
def test_twins_take_the_same(name, twin):
    ours, theirs = (inspect.signature(getattr(EdgeAgentHook, each)) for each in (name, twin))
    assert ours == theirs


def test_a_wrong_answer_to_the_right_question_is_none(server, hook):
    command = server.add(log=b"abc")
    server.fault("logs", "status", status=200, headers=PROBLEM, body=b"abc")
    with pytest.raises(errors.UndecodableAnswer):
        hook.logs(UUID(str(command.id)))
    wait_until(lambda: server.calls_of("logs"), what="it was asked")
