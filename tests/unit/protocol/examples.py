"""One example of every message, with every field set: what the golden files hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from edge_agent.protocol import (
    AirflowSettings,
    Beat,
    BeatAnswer,
    Certificate,
    Checked,
    Confirm,
    ConfirmAnswer,
    Confirmed,
    Directives,
    Ending,
    EndReason,
    HostConflict,
    HostHealth,
    JobKind,
    JobState,
    Limits,
    LogAck,
    Offer,
    Poll,
    PollAnswer,
    Problem,
    ProblemReason,
    Refused,
    Registration,
    Renew,
    RenewAnswer,
    Renewed,
    Report,
    ReportAnswer,
    RunnerName,
    ServerKey,
    Session,
    Versions,
    Withdrawn,
)
from edge_agent.protocol.commands import (
    CancelCommand,
    CommandView,
    News,
    OnAgentLost,
    Seen,
    Submit,
    SubmitRights,
    Submitted,
    Tie,
    Watch,
)
from edge_agent.protocol.shells import Shell
from edge_agent.protocol.streams import Streams

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

HEALTH = HostHealth(
    load_1m=0.25,
    memory_total_bytes=8_000_000_000,
    memory_available_bytes=4_000_000_000,
    disk_free_bytes=100_000_000_000,
    clock=NOON,
)
BEAT = Beat(number=7, held=(ONE, TWO), free_slots=2, capabilities={"os": "linux", "gpu": True}, health=HEALTH)
CONFLICT = HostConflict(hostname="db-08", address="10.0.0.8", times=2, latest=NOON)
DIRECTIVES = Directives(
    cordoned=True,
    cordon_reason="disk swap",
    drain=True,
    drain_seconds_left=12.5,
    cancel=(ONE,),
    drop=(TWO,),
    slots=3,
    queues=("onprem",),
    host_conflict=CONFLICT,
)
TIE = Tie(id=ONE, dag_id="d", run_id="r", task_id="t", map_index=3, try_number=2, ends_with_it=False)
COMMAND = CommandView(
    id=TWO,
    name="step",
    label="a step",
    state=JobState.FAILED,
    reason=EndReason.EXIT,
    message="it said no",
    exit_code=3,
    signal=9,
    queue="onprem",
    agent_name="db-07",
    hostname="db-07.example.com",
    streams=Streams.APART,
    log_bytes=12,
    log_is_cut=True,
    read_offset=6,
    is_wanted=False,
    waiting="no agent serves queue 'onprem'",
    queued_at=NOON,
    confirmed_at=NOON,
    ended_at=NOON,
    ran_seconds=1.5,
)
SEEN = Seen(id=TWO, state=JobState.RUNNING, log_bytes=12, read_offset=6)
LIMITS = Limits(
    heartbeat_seconds=10,
    missed_heartbeats=3,
    poll_seconds=25,
    offer_seconds=15,
    log_chunk_bytes=262_144,
    batch=64,
)
AIRFLOW = AirflowSettings(executor="LocalExecutor,EdgeAgentExecutor:x.Y", default_queue="default")
OFFER = Offer(
    assignment_id=ONE, job_id=TWO, kind=JobKind.TASK, queue="onprem", slots=1, runner=RunnerName.LOCAL, label="dag.task"
)
CONFIRMED = Confirmed(
    assignment_id=ONE,
    kind=JobKind.TASK,
    team="blue",
    payload='{"workload": {}, "log_path": "dag/1.log"}',
    signature=f"0123456789abcdef:{'A' * 86}==",
    token="t",
)
CERTIFICATE = Certificate(until=1_795_000_000, signature=f"0123456789abcdef:{'A' * 86}==")
SERVER_KEY = ServerKey(key="A" * 43 + "=", certificates=(CERTIFICATE,))
WITHDRAWN = Withdrawn(assignment_id=TWO, state=JobState.CANCELLED)
ENDING = Ending(
    assignment_id=ONE,
    state=JobState.FAILED,
    reason=EndReason.SIGNAL,
    exit_code=None,
    signal=9,
    message="Its process was killed.",
    log_bytes=1234,
    ran_seconds=5.5,
)
REFUSED = Refused(assignment_id=TWO, state=JobState.FAILED, message="The job is failed by now; drop it.")
RENEWED = Renewed(assignment_id=ONE, token="planted-execution-token")
VERSIONS = Versions(agent="0.1.0", python="3.11.7", airflow="3.3.2", task_sdk="1.3.2")

MESSAGES: dict[str, Any] = {
    type(message).__name__: message
    for message in (
        AIRFLOW,
        BEAT,
        BeatAnswer(directives=DIRECTIVES, server_time=NOON, token="eas_1_y"),
        CERTIFICATE,
        Checked(server_time=NOON, server_keys=(SERVER_KEY,)),
        Confirm(assignments=(ONE, TWO)),
        ConfirmAnswer(confirmed=(CONFIRMED,), withdrawn=(WITHDRAWN,)),
        CONFIRMED,
        CONFLICT,
        DIRECTIVES,
        ENDING,
        HEALTH,
        LIMITS,
        LogAck(next_offset=4096, full=True, pause_seconds=12.5),
        OFFER,
        Poll(free_slots=4, wait_seconds=9, beat=BEAT),
        PollAnswer(offers=(OFFER,), directives=DIRECTIVES, token="eas_1_y", server_keys=(SERVER_KEY,)),
        Problem(reason=ProblemReason.GAP, message="A gap.", state="running", expected_offset=12),
        REFUSED,
        Registration(
            instance=THREE,
            hostname="db-07",
            queues=("onprem", "gpu"),
            kinds=(JobKind.TASK, JobKind.COMMAND),
            slots=8,
            capabilities={"os": "linux", "cpus": 8, "load": 0.5, "tmux": True},
            versions=VERSIONS,
            held=(ONE,),
            never_started=(TWO,),
        ),
        Renew(assignments=(ONE, TWO)),
        RenewAnswer(renewed=(RENEWED,), refused=(REFUSED,)),
        RENEWED,
        Report(endings=(ENDING,)),
        ReportAnswer(accepted=(ONE,), refused=(REFUSED,)),
        Session(
            session_id=THREE,
            token="eas_1_x",
            limits=LIMITS,
            directives=DIRECTIVES,
            airflow=AIRFLOW,
            server_time=NOON,
            server_keys=(SERVER_KEY,),
        ),
        SERVER_KEY,
        VERSIONS,
        WITHDRAWN,
        CancelCommand(reason="no more", only_if_unwanted=True),
        COMMAND,
        News(commands=(COMMAND,), unknown=(THREE,)),
        SEEN,
        Submit(
            command="echo $A",
            shell=Shell.BASH,
            env={"A": "planted"},
            cwd="/srv",
            run_as_user="etl",
            streams=Streams.APART,
            queue="onprem",
            agent="db-07",
            requires={"gpu": True},
            runner=RunnerName.TMUX,
            slots=2,
            priority_weight=3,
            timeout_seconds=60,
            queue_timeout_seconds=30,
            on_agent_lost=OnAgentLost.WAIT,
            lost_wait_seconds=120,
            label="a step",
            name="step",
            key="a key",
            family="a family",
            tie=TIE,
        ),
        Submitted(command=COMMAND, attached=True),
        SubmitRights(token="of-the-dags", queues=("onprem",), run_as_users=("etl",), team="blue", server_time=NOON),
        TIE,
        Watch(commands=(SEEN,), wait_seconds=5),
    )
}
