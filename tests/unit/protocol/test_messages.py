"""Golden JSON of every message: what was once released must be read for ever, and be written the same.

``golden/<version>/`` stays when a version comes; only the current one is compared with what is written.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge_agent import protocol
from edge_agent.protocol import PROTOCOL_VERSION, Answer, Ending, EndReason, JobState, Offer, Request, commands
from tests.unit.protocol.examples import DIRECTIVES, MESSAGES, ONE

GOLDEN = Path(__file__).parent / "golden"
CURRENT = GOLDEN / str(PROTOCOL_VERSION)
EVERY_VERSION = sorted(GOLDEN.glob("*/*.json"))
KINDS = {
    name: kind
    for name, kind in (vars(protocol) | vars(commands)).items()
    if isinstance(kind, type) and issubclass(kind, Request | Answer) and kind not in (Request, Answer)
}


def test_there_is_an_example_and_a_golden_file_of_every_message():
    assert set(MESSAGES) == set(KINDS)
    assert {path.stem for path in CURRENT.glob("*.json")} == set(KINDS)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_message_is_written_as_it_always_was(name):
    """What came later is null there, and not sent: an agent leaves out what is not there."""
    now = json.loads(MESSAGES[name].model_dump_json(), object_hook=_without_nulls)
    assert now == json.loads((CURRENT / f"{name}.json").read_text(), object_hook=_without_nulls)


def _without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


@pytest.mark.parametrize("path", EVERY_VERSION, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_message_is_read_as_it_was_meant(path):
    assert KINDS[path.stem].model_validate_json(path.read_text()) == MESSAGES[path.stem]


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_message_cannot_be_changed(name):
    message = MESSAGES[name]
    field = next(iter(type(message).model_fields))
    with pytest.raises(ValidationError):
        setattr(message, field, None)


@pytest.mark.parametrize("name", sorted(name for name, kind in KINDS.items() if issubclass(kind, Request)))
def test_a_request_with_an_unknown_field_is_refused(name):
    content = json.loads((CURRENT / f"{name}.json").read_text()) | {"unknown": 1}
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        KINDS[name].model_validate(content)


@pytest.mark.parametrize("name", sorted(name for name, kind in KINDS.items() if issubclass(kind, Answer)))
def test_an_answer_of_a_newer_server_is_read(name):
    """It may have fields this agent has never heard of, at any depth."""
    content = json.loads((CURRENT / f"{name}.json").read_text()) | {"not_known_yet": {"deep": 1}}
    assert KINDS[name].model_validate(content) == MESSAGES[name]


def test_no_secret_is_in_the_text_of_a_message():
    assert "eas_1_x" not in repr(MESSAGES["Session"])
    assert "token" not in repr(MESSAGES["Confirmed"])
    assert "planted" not in repr(MESSAGES["RenewAnswer"])
    assert "planted" not in repr(MESSAGES["Submit"])
    assert "eas_1_y" not in repr(MESSAGES["BeatAnswer"]) + repr(MESSAGES["PollAnswer"])


@pytest.mark.parametrize("state", [state for state in JobState if not state.is_terminal])
def test_a_report_can_only_end_a_job(state):
    with pytest.raises(ValidationError, match="does not"):
        Ending(assignment_id=ONE, state=state, reason=EndReason.EXIT, log_bytes=0)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("Beat", {"number": 2**31}),
        ("Beat", {"capabilities": {"os": "half of a character: \ud800"}}),
        ("Registration", {"hostname": "a\0"}),
        ("Registration", {"capabilities": {"os": "a\0"}}),
        ("Ending", {"exit_code": 2**31}),
        ("Ending", {"signal": -(2**31)}),
        ("Submit", {"command": "a\0"}),
        ("Submit", {"command": []}),
        ("Submit", {"env": {"A": "half of a character: \ud800"}}),
        ("Submit", {"command": ["words"], "shell": "bash"}),
        ("Submit", {"on_agent_lost": "fail", "lost_wait_seconds": 5}),
        ("Submit", {"timeout_seconds": 0}),
        ("Watch", {"commands": []}),
        ("Watch", {"wait_seconds": 61}),
    ],
)
def test_what_no_database_can_store_or_nobody_can_be_shown_is_refused(name, changed):
    content = json.loads((CURRENT / f"{name}.json").read_text())
    KINDS[name].model_validate(content)
    with pytest.raises(ValidationError):
        KINDS[name].model_validate(content | changed)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "é", "x" * 65, "a\n"])
def test_a_name_is_safe_everywhere(name):
    with pytest.raises(ValidationError):
        protocol.Registration.model_validate(
            json.loads((CURRENT / "Registration.json").read_text()) | {"queues": [name]}
        )


def test_an_offer_holds_nothing_that_could_be_started():
    assert set(Offer.model_fields) == {"assignment_id", "job_id", "kind", "queue", "slots", "runner", "label"}


def test_directives_that_say_nothing_want_nothing():
    assert protocol.Directives.model_validate({}) != DIRECTIVES
    assert not any(protocol.Directives.model_validate({}).model_dump().values())


def test_the_protocol_is_a_leaf():
    """Importing it drags in no HTTP client, no settings and no Airflow."""
    program = (
        "import sys, edge_agent.protocol; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} "
        "& {'httpx', 'tenacity', 'pydantic_settings', 'psutil', 'airflow', 'fastapi', 'sqlalchemy'}))"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert said.stdout == "[]\n"
