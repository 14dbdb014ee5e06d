"""The wire between agent and queue API: the only thing both sides share.

A leaf: pydantic and the standard library. Nothing here does anything; it says what may be said.

=============================================  ==========================================================
verb                                           message -> answer
=============================================  ==========================================================
``POST /agents/{name}/session``                :class:`Registration` -> :class:`Session`
``POST /agents/{name}/check``                  :class:`Registration` -> :class:`Checked`
``POST /agents/{name}/heartbeat``              :class:`Beat` -> :class:`BeatAnswer`
``POST /agents/{name}/poll``                   :class:`Poll` -> :class:`PollAnswer`
``POST /assignments/confirm``                  :class:`Confirm` -> :class:`ConfirmAnswer`
``POST /assignments/renew``                    :class:`Renew` -> :class:`RenewAnswer`
``POST /assignments/{id}/logs?offset=&kept=``  bytes -> :class:`LogAck`
``POST /assignments/report``                   :class:`Report` -> :class:`ReportAnswer`
``DELETE /agents/{name}/session``              nothing -> nothing
=============================================  ==========================================================

Every request carries a :class:`Proof` of the host's key. Every verb is idempotent. Every failure is a :class:`Problem`.
"""

from edge_agent.protocol.agents import (
    AirflowSettings,
    Beat,
    BeatAnswer,
    Checked,
    Directives,
    HostConflict,
    HostHealth,
    Limits,
    Registration,
    Session,
    Versions,
)
from edge_agent.protocol.base import NAME_PATTERN, Answer, Capabilities, CapabilityValue, Name, Request, Text
from edge_agent.protocol.jobs import (
    MAX_BATCH,
    Confirm,
    ConfirmAnswer,
    Confirmed,
    Ending,
    Offer,
    Poll,
    PollAnswer,
    Refused,
    Renew,
    RenewAnswer,
    Renewed,
    Report,
    ReportAnswer,
    Withdrawn,
)
from edge_agent.protocol.lines import one_line
from edge_agent.protocol.logs import LogAck, LogKept
from edge_agent.protocol.problems import Problem, ProblemReason
from edge_agent.protocol.proofs import PROOF_HEADER, Proof
from edge_agent.protocol.routes import PROTOCOL_VERSION, SUPPORTED_VERSIONS, VERSION_HEADER
from edge_agent.protocol.signatures import Certificate, ServerKey
from edge_agent.protocol.states import (
    OPEN,
    TERMINAL,
    TRANSITIONS,
    AgentState,
    EndReason,
    JobKind,
    JobState,
    RunnerName,
    Transition,
    sources_of,
)

__all__ = [
    "MAX_BATCH",
    "NAME_PATTERN",
    "OPEN",
    "PROOF_HEADER",
    "PROTOCOL_VERSION",
    "SUPPORTED_VERSIONS",
    "TERMINAL",
    "TRANSITIONS",
    "VERSION_HEADER",
    "AgentState",
    "AirflowSettings",
    "Answer",
    "Beat",
    "BeatAnswer",
    "Capabilities",
    "CapabilityValue",
    "Certificate",
    "Checked",
    "Confirm",
    "ConfirmAnswer",
    "Confirmed",
    "Directives",
    "EndReason",
    "Ending",
    "HostConflict",
    "HostHealth",
    "JobKind",
    "JobState",
    "Limits",
    "LogAck",
    "LogKept",
    "Name",
    "Offer",
    "Poll",
    "PollAnswer",
    "Problem",
    "ProblemReason",
    "Proof",
    "Refused",
    "Registration",
    "Renew",
    "RenewAnswer",
    "Renewed",
    "Report",
    "ReportAnswer",
    "Request",
    "RunnerName",
    "ServerKey",
    "Session",
    "Text",
    "Transition",
    "Versions",
    "Withdrawn",
    "one_line",
    "sources_of",
]
