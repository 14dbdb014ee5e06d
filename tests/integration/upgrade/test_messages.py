"""Each release reads what the one before and the one after it say: one of each message, with every field set."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from edge_agent import protocol
from edge_agent.protocol import Answer, Request, commands
from tests.support.process import clean_environment
from tests.support.releases import previous
from tests.unit.protocol.examples import MESSAGES

SENT_WHERE_TAKEN: dict[str, set[str]] = {"Beat": {"figures"}, "Poll": {"figures"}}
"""Fields of requests that the release before does not know: they are sent only to a server that asks for them.

``figures``: one whose directives hold ``figures_seconds``.
"""

THEIRS: dict[str, dict[str, Any]] = json.loads(previous().messages.read_text())
OURS = {name: message.model_dump(mode="json") for name, message in MESSAGES.items()}

READ = """
import json, sys
from pydantic import ValidationError
from edge_agent import __version__, protocol
from edge_agent.protocol import commands
kinds = vars(protocol) | vars(commands)
faults = {}
for name, message in json.load(sys.stdin).items():
    if name in kinds:
        try:
            kinds[name].model_validate_json(json.dumps(message))
        except ValidationError as error:
            faults[name] = [[list(fault["loc"]), fault["type"]] for fault in error.errors()]
print(json.dumps([__version__, faults]))
"""


def kind_of(name: str) -> type[BaseModel]:
    kind: type[BaseModel] = (vars(protocol) | vars(commands))[name]
    return kind


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_what_the_release_before_says_is_understood(name):
    kind = kind_of(name)
    read = kind.model_validate_json(json.dumps(THEIRS[name]))
    assert json.loads(read.model_dump_json(include=set(THEIRS[name]))).keys() == THEIRS[name].keys()


@pytest.fixture(scope="module")
def their_faults(tmp_path_factory) -> dict[str, list[tuple[list[str | int], str]]]:
    """Give what the release before cannot read of each of our messages."""
    before, home = previous(), tmp_path_factory.mktemp("before")
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env=clean_environment(home) | dict(before.unpacked(home / "code")),
        cwd=home,
        input=json.dumps(OURS),
        capture_output=True,
        check=True,
        text=True,
    )
    version, faults = json.loads(done.stdout)
    assert version == before.version
    return faults


@pytest.mark.parametrize("name", sorted(name for name in OURS if issubclass(kind_of(name), Answer)))
def test_the_release_before_reads_our_answers(name, their_faults):
    assert their_faults.get(name, []) == []


@pytest.mark.parametrize("name", sorted(name for name in OURS if issubclass(kind_of(name), Request)))
def test_the_release_before_reads_our_requests_but_for_what_is_sent_where_it_is_taken(name, their_faults):
    faults = their_faults.get(name, [])
    assert {fault for _, fault in faults} <= {"extra_forbidden"}
    assert {str(where[-1]) for where, _ in faults} <= SENT_WHERE_TAKEN.get(name, set())


def test_the_release_before_refuses_what_it_does_not_know():
    """Else what is above would hold whatever we send."""
    with pytest.raises(ValidationError, match="Extra inputs"):
        kind_of("Beat").model_validate(THEIRS["Beat"] | {"unknown": 1})
