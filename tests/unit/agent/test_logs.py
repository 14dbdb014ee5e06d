"""The agent's own log: fixed keys, and no secret whatever way it comes."""

from __future__ import annotations

import io
import json
import logging

import pytest

from edge_agent.logs import logging_to
from edge_agent.protocol.secrets import KINDS, REDACTED

SECRET = 'planted "secret" 123'
TOKENS = [
    *(f"{kind}_0123456789ab_abcdefghijklmnopqrstuvwxyz" for kind in KINDS),
    "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
]

logger = logging.getLogger("edge_agent.planting")


@pytest.fixture(params=["console", "json"])
def log(request):
    stream = io.StringIO()
    with logging_to(stream, agent="h1", level="debug", form=request.param) as redactor:
        redactor.hide(SECRET)
        yield stream


def raise_with(text):
    try:
        raise RuntimeError(text)
    except RuntimeError:
        logger.exception("It failed.", extra={"event": "failed"})


PLANTERS = {
    "message": lambda text: logger.info(f"It is {text}."),  # noqa: G004  the way one should not
    "argument": lambda text: logger.info("It is %s.", text),
    "mapping": lambda text: logger.info("%s", {"token": text}),
    "key": lambda text: logger.info("Look.", extra={"event": "x", "label": text}),
    "traceback": raise_with,
    "another library": lambda text: logging.getLogger("httpx").warning("GET with %s", text),
}


@pytest.mark.parametrize("plant", PLANTERS.values(), ids=PLANTERS)
@pytest.mark.parametrize("secret", [SECRET, *TOKENS])
def test_no_secret_reaches_the_log(log, plant, secret):
    plant(secret)
    assert secret not in log.getvalue()
    assert json.dumps(secret)[1:-1] not in log.getvalue()
    assert REDACTED in log.getvalue()


def test_what_others_say_begins_no_line_of_its_own_and_moves_no_cursor(log):
    logger.info("Started %s.", "a job\n2026-11-21 INFO all is well\x1b[2K", extra={"event": "x", "label": "\r\x9d0;x"})
    written = log.getvalue()
    assert written.count("\n") == 1
    assert not set(written[:-1]) & {"\n", "\r", "\x1b", "\x9d"} or written.startswith("{")


def test_an_authorization_header_is_hidden_whatever_the_token(log):
    logger.info("%s", {"Authorization": "Bearer abc"})
    assert "abc" not in log.getvalue()


def test_what_is_no_secret_stays(log):
    logger.info("Job %s of dag_1.task-2 at /var/lib/eat_x.", "7", extra={"event": "x", "job_id": "7"})
    assert "Job 7 of dag_1.task-2 at /var/lib/eat_x." in log.getvalue()


def test_a_secret_that_is_a_part_of_another_gives_nothing_of_it_away():
    stream = io.StringIO()
    with logging_to(stream, agent="h1") as redactor:
        for number in range(100):
            redactor.hide(f"planted-{number}")
            redactor.hide(f"planted-{number}-and-longer")
        for number in range(100):
            logger.info("planted-%d-and-longer", number)
    assert "longer" not in stream.getvalue()


def test_a_secret_of_a_few_letters_is_not_hidden():
    stream = io.StringIO()
    with logging_to(stream, agent="h1") as redactor:
        redactor.hide("the")
        redactor.hide("")
        logger.info("in the end")
    assert "in the end" in stream.getvalue()


def test_a_json_line_has_the_fixed_keys():
    stream = io.StringIO()
    with logging_to(stream, agent="h1", form="json"):
        logger.info("A %s.", "sentence", extra={"event": "said", "job_id": "7", "assignment_id": "8"})
        logger.warning("Another.")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["message"] == "A sentence."
    assert (first["event"], first["agent"], first["job_id"], first["assignment_id"]) == ("said", "h1", "7", "8")
    assert (first["level"], first["logger"]) == ("info", "edge_agent.planting")
    assert (second["event"], "job_id" in second) == ("log", False)


def test_a_console_line_is_a_sentence_and_its_facts():
    stream = io.StringIO()
    with logging_to(stream, agent="h1"):
        logger.info("A sentence.", extra={"event": "said", "job_id": "7"})
    assert stream.getvalue().endswith("INFO    A sentence.  event=said job_id=7\n")


def test_the_level_holds_and_everything_is_as_before_afterwards():
    root, stream = logging.getLogger(), io.StringIO()
    before = root.level, list(root.handlers)
    with logging_to(stream, agent="h1", level="warning"):
        logger.info("quiet")
        logger.warning("loud")
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()
    assert (root.level, root.handlers) == before
