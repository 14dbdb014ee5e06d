"""``airflow edge-agent ...`` on a real database, through Airflow's own parser."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.cli.cli_parser import get_parser
from airflow.models.log import Log
from airflow.utils import yaml
from sqlalchemy import select, text

from airflow_plugin.errors import Unauthenticated
from airflow_plugin.models import AgentRow
from airflow_plugin.queue import tokens
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import JobState
from tests.support.process import clean_environment, program
from tests.support.scheduling_bed import SchedulingBed

Run = Callable[..., str]


@pytest.fixture
def run(bed: SchedulingBed, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command and returns its standard output."""

    def run(*words: str) -> str:
        capsys.readouterr()
        args = get_parser().parse_args(["edge-agent", *words])
        args.func(args)
        return capsys.readouterr().out

    return run


@pytest.fixture
def refused(run: Run, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command that must be refused, and returns its one line."""

    def refused(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            run(*words)
        assert ended.value.code == 1
        (line,) = [line for line in capsys.readouterr().err.splitlines() if "[info" not in line]
        assert line.startswith("airflow edge-agent: ")
        return line.removeprefix("airflow edge-agent: ")

    return refused


def only(bed: SchedulingBed) -> AgentRow:
    with bed.session() as session:
        return session.scalars(select(AgentRow)).one()


# ------------------------------------------------------------------ tokens


def test_a_created_token_is_all_there_is_on_standard_output(run: Run, bed: SchedulingBed):
    secret = run("tokens", "create", "site-a", "--queues", "onprem, other").strip()

    with bed.session() as session:
        row = tokens.authenticate(session, secret, "a1", ["onprem"])
        assert row.queues == ["onprem", "other"]
        assert row.expires_at is not None
        assert round((row.expires_at - row.created_at).total_seconds() / 86_400) == 90


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_created_token_is_for_programs_too(run: Run, output: str, read: Callable[[str], Any]):
    created = read(run("tokens", "create", "site-a", "--output", output))
    assert sorted(created) == ["name", "token"]
    assert created["token"].startswith("eat_")


def test_what_to_do_with_a_token_is_said_beside_it(run: Run, capsys: pytest.CaptureFixture[str]):
    args = get_parser().parse_args(["edge-agent", "tokens", "create", "site-a", "-q", "onprem"])
    args.func(args)
    out, err = capsys.readouterr()
    assert "EDGE_AGENT_QUEUES=onprem" in err
    assert "expires in 90 days" in err
    assert out.strip() not in err, "the secret is printed once"


def test_a_token_that_never_expires_must_be_asked_for(run: Run, refused: Run, bed: SchedulingBed):
    run("tokens", "create", "eternal", "--expires-in-days", "never")
    run("tokens", "create", "brief", "--expires-in-days", "0.5")
    eternal, brief = sorted(json.loads(run("tokens", "list", "-o", "json")), key=lambda t: -len(t["name"]))
    assert eternal["expires_at"] is None
    assert brief["expires_at"] is not None
    assert "'soon' is neither a number of days nor 'never'" in refused(
        "tokens", "create", "x", "--expires-in-days", "soon"
    )
    assert "give a number above 0" in refused("tokens", "create", "x", "--expires-in-days", "-1")


def test_the_list_of_tokens_holds_no_secret(run: Run):
    secret = run("tokens", "create", "site-a").strip()
    for output in ("table", "plain", "json", "yaml"):
        listed = run("tokens", "list", "--output", output)
        assert "site-a" in listed
        assert secret not in listed
        assert secret.split("_", 2)[2] not in listed


def test_a_revoked_token_registers_nobody(run: Run, refused: Run, bed: SchedulingBed):
    secret = run("tokens", "create", "site-a").strip()
    assert "revoked" in run("tokens", "revoke", "site-a")
    with bed.session() as session, pytest.raises(Unauthenticated):
        tokens.authenticate(session, secret, "a1", [])
    assert "there is no token named 'nope'" in refused("tokens", "revoke", "nope")


def test_a_token_of_the_same_name_is_refused(run: Run, refused: Run):
    run("tokens", "create", "site-a")
    assert "already a token named 'site-a'" in refused("tokens", "create", "site-a")


# ------------------------------------------------------------------ agents


def test_agents_are_listed_for_people_and_for_programs(run: Run, bed: SchedulingBed):
    assert "No data found" in run("agents", "list")
    bed.register("onprem", gpu="a100")
    assert "a1" in run("agents", "list")
    (agent,) = json.loads(run("agents", "list", "-o", "json"))
    assert (agent["name"], agent["state"], agent["queues"]) == ("a1", "connected", ["onprem"])
    assert agent["capabilities"]["gpu"] == "a100"


def test_a_cordon_keeps_its_reason_and_expires(run: Run, bed: SchedulingBed):
    bed.register()
    run("agents", "cordon", "a1", "--reason", "a new disk", "--expires-in", "1h30m")
    agent = only(bed)
    assert agent.cordoned_at is not None
    assert agent.cordon_expires_at is not None
    assert (agent.cordon_expires_at - agent.cordoned_at).total_seconds() == pytest.approx(5400, abs=1)
    assert agent.cordon_reason == "a new disk"
    assert agent.cordoned_by
    assert "connected, cordoned" in run("agents", "list")

    run("agents", "uncordon", "a1")
    assert only(bed).cordoned_at is None


def test_a_drain_may_have_a_deadline(run: Run, bed: SchedulingBed):
    bed.register()
    run("agents", "drain", "a1", "--deadline", "30m")
    assert only(bed).drain_deadline is not None
    assert "draining" in run("agents", "list")


def test_an_agent_is_deleted_only_when_somebody_is_sure(
    run: Run, refused: Run, bed: SchedulingBed, monkeypatch: pytest.MonkeyPatch
):
    bed.register()
    bed.submit()
    bed.start()
    monkeypatch.setattr("builtins.input", lambda _question: "n")
    assert refused("agents", "delete", "a1") == "nothing was deleted"
    assert only(bed).name == "a1"

    monkeypatch.setattr("builtins.input", lambda _question: "y")
    assert "1 running jobs failed" in run("agents", "delete", "a1")
    assert "there is no agent named 'a1'" in refused("agents", "delete", "a1", "--yes")


def test_nobody_there_to_answer_means_no(refused: Run, bed: SchedulingBed, monkeypatch: pytest.MonkeyPatch):
    bed.register()
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert refused("agents", "delete", "a1") == "nothing was deleted"


@pytest.mark.parametrize("verb", ["cordon", "uncordon", "drain"])
def test_an_agent_that_is_not_there_is_said_so(refused: Run, verb: str):
    assert refused("agents", verb, "nope") == "there is no agent named 'nope'"


@pytest.mark.parametrize("time", ["2", "h2", "2 hours", "-1h", "0m", ""])
def test_a_time_that_is_none_is_refused_with_an_example(refused: Run, bed: SchedulingBed, time: str):
    bed.register()
    assert "write for example 90s, 30m, 2h or 7d" in refused("agents", "cordon", "a1", f"--expires-in={time}")


# ------------------------------------------------------------------ jobs


def test_a_queued_job_says_why_it_waits(run: Run, bed: SchedulingBed):
    bed.register("onprem")
    bed.submit(Placement("nobody"))
    bed.submit(Placement("onprem", None, {"gpu": True}))

    waiting = {job["queue"]: job["waiting"] for job in json.loads(run("jobs", "list", "-o", "json"))}
    assert waiting["nobody"] == "no agent serves queue 'nobody'"
    assert "none has gpu=true" in waiting["onprem"]
    assert "no agent serves queue 'nobody'" in run("jobs", "list", "-o", "plain")


def test_jobs_are_found_by_state_queue_and_agent(run: Run, refused: Run, bed: SchedulingBed):
    running = bed.submit()
    bed.start()
    queued = bed.submit(Placement("other"))

    def found(*words: str) -> list[str]:
        return [job["id"] for job in json.loads(run("jobs", "list", "-o", "json", *words))]

    assert found("--state", "running") == [str(running)]
    assert found("--queue", "other") == [str(queued)]
    assert found("--agent", "a1") == [str(running)]
    assert len(found("--limit", "1")) == 1
    assert "number above 0" in refused("jobs", "list", "--limit", "0")
    with pytest.raises(SystemExit):
        run("jobs", "list", "--state", "lost")
    assert JobState.RUNNING in run("jobs", "list")


# ------------------------------------------------------------------ what is around every command


def test_every_command_leaves_an_audit_row_and_no_secret_in_it(run: Run, bed: SchedulingBed):
    secret = run("tokens", "create", "site-a").strip()
    with bed.session() as session:
        rows = list(session.scalars(select(Log).where(Log.event == "cli_create_token")))
    assert rows
    assert not any(secret in str(row.extra) for row in rows)


def test_without_its_tables_a_command_says_how_to_make_them(refused: Run, bed: SchedulingBed):
    with bed.session() as session:
        session.execute(text("DROP TABLE alembic_version_edge_agent"))
    assert "run `airflow db migrate`" in refused("agents", "list")


def test_the_program_itself_writes_only_json_and_ends_with_one_when_refused(database_url: str, tmp_path: Path):
    environment = clean_environment(
        tmp_path,
        AIRFLOW_HOME=str(tmp_path),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=database_url,
    )

    def airflow(*words: str) -> subprocess.CompletedProcess[str]:
        command = [program("airflow"), "edge-agent", *words]
        return subprocess.run(command, check=False, env=environment, cwd=tmp_path, capture_output=True, text=True)

    created = airflow("tokens", "create", "site-a", "-o", "json")
    assert (created.returncode, json.loads(created.stdout)["name"]) == (0, "site-a")
    assert "warning" not in created.stderr.lower()
    again = airflow("tokens", "create", "site-a", "-o", "json")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == (
        "airflow edge-agent: there is already a token named 'site-a'; revoke it or choose another name\n"
    )


def test_the_words_of_the_command_line_cost_nothing_to_every_start_of_airflow(tmp_path: Path):
    heavy = "('airflow_plugin.models', 'airflow_plugin.queue', 'alembic', 'fastapi')"
    code = f"import sys, airflow_plugin.cli.definition; print([name for name in {heavy} if name in sys.modules])"
    environment = clean_environment(tmp_path, AIRFLOW_HOME=str(tmp_path), _AIRFLOW__AS_LIBRARY="1")
    done = subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
