"""``airflow edge-agent ...`` on a real database, through Airflow's own parser."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.models.log import Log
from sqlalchemy import select, text, update

from airflow_plugin import clock
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import events, host_keys
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import JobState, one_line
from tests.integration.airflow.conftest import Run
from tests.support.process import clean_environment, program
from tests.support.scheduling_bed import SchedulingBed


def only(bed: SchedulingBed) -> AgentRow:
    with bed.session() as session:
        return session.scalars(select(AgentRow)).one()


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


def test_an_agent_is_stopped_after_a_grace(run: Run, refused: Run, bed: SchedulingBed):
    bed.register()
    assert "what still does is cancelled in 5m" in run("agents", "stop", "a1", "--grace", "5m", "--reason", "sold")
    agent = only(bed)
    assert agent.stops_at is not None
    assert agent.drain_requested_at is not None
    assert (agent.stops_at - agent.drain_requested_at).total_seconds() == pytest.approx(300, abs=1)
    assert "stopping" in run("agents", "list")
    assert "is cancelled now" in run("agents", "stop", "a1", "--grace", "0")
    assert "--grace '5' is not a time" in refused("agents", "stop", "a1", "--grace", "5")


def test_an_agent_is_given_other_slots_and_queues_and_its_own_again(run: Run, refused: Run, bed: SchedulingBed):
    bed.register("onprem", "x", "y")
    assert "slots: 9; queues: its own" in run("agents", "set", "a1", "--slots", "9")
    assert "slots: 9; queues: x, y" in run("agents", "set", "a1", "--queues", "x, y")
    assert (only(bed).slots_override, only(bed).queues_override) == (9, ["x", "y"])
    (listed,) = json.loads(run("agents", "list", "-o", "json"))
    assert listed["own_queues"] == ["onprem", "x", "y"]
    assert "takes no work from queue z" in refused("agents", "set", "a1", "--queues", "z")
    for words in ([], ["--reset", "--slots", "2"]):
        assert refused("agents", "set", "a1", *words) == "give --slots, --queues or both; or --reset, alone"
    assert "cannot have 0 slots" in refused("agents", "set", "a1", "--slots", "0")
    assert "cannot serve 0 queues" in refused("agents", "set", "a1", "--queues", ",")
    assert "slots: its own; queues: its own" in run("agents", "set", "a1", "--reset")
    assert (only(bed).slots_override, only(bed).queues_override) == (None, None)


def test_what_is_done_here_is_told_with_who_did_it(run: Run, bed: SchedulingBed):
    bed.register()
    run("agents", "cordon", "a1", "--reason", "disk")
    run("agents", "uncordon", "a1")
    with bed.session() as session:
        told = events.listed(session, "a1", limit=2).events
    assert [event.kind for event in told] == ["uncordoned", "cordoned"]
    assert all(event.by for event in told)


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


def test_a_host_conflict_is_listed_until_it_is_dismissed(run: Run, bed: SchedulingBed):
    bed.register()
    for address in (None, "198.51.100.7"):
        with bed.session() as session:
            host_keys.note_conflict(session, "a1", hostname="stolen\nhost", address=address)
    (listed,) = json.loads(run("agents", "list", "-o", "json"))
    assert (listed["host_conflicts"], listed["host_conflict_hostname"]) == ("2", "stolen\nhost")
    assert r"'stolen\nhost' at 198.51.100.7, 2x, last 20" in " ".join(run("agents", "list", "-o", "plain").split())

    run("agents", "dismiss-conflict", "a1")
    assert "stolen" not in run("agents", "list", "-o", "json")


def test_a_name_is_opened_to_another_host_for_as_long_as_was_said(run: Run, bed: SchedulingBed):
    bed.register()
    run("agents", "re-enrol", "a1", "--reason", "the disk was replaced", "--within", "30m")
    with bed.session() as session:
        left = session.scalars(select(AgentRow.re_enrol_until)).one() - session.scalars(select(clock.now())).one()
    assert left.total_seconds() == pytest.approx(1800, abs=60)


@pytest.mark.parametrize("verb", ["cordon", "uncordon", "drain", "stop", "set --reset", "re-enrol", "dismiss-conflict"])
def test_an_agent_that_is_not_there_is_said_so(refused: Run, verb: str):
    assert refused("agents", *verb.split(), "nope") == "there is no agent named 'nope'"


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
    assert "none has gpu = true" in waiting["onprem"]
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


@pytest.mark.parametrize("said", ["[/x]", "[link=https://evil.example]look[/link]", "\x1b]0;a title\x07\x1b[2K\nrow"])
def test_a_host_cannot_write_on_an_admins_terminal_but_its_own_words(run: Run, bed: SchedulingBed, said: str):
    """Neither end the command, nor hide words or add rows, nor make a link of them, nor speak to the terminal."""
    bed.submit()
    bed.start()
    with bed.session() as session:
        # As a row of an earlier release, or whoever writes the database, may have it.
        session.execute(update(JobRow).values(message=said))
        session.execute(update(AgentRow).values(hostname=said))
    for command in ("agents", "jobs"):
        for output in ("table", "plain"):
            listed = run(command, "list", "-o", output)
            assert "\x1b]" not in listed
            assert "\x07" not in listed
            assert one_line(said).split("\x1b")[0][:20] in listed
            assert len([line for line in listed.splitlines() if line.strip()]) == (2 if output == "plain" else 3)


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


def test_the_program_itself_writes_only_json_and_ends_with_one_when_refused(sqlite_url: str, tmp_path: Path):
    environment = clean_environment(
        tmp_path,
        AIRFLOW_HOME=str(tmp_path),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=sqlite_url,
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
        "airflow edge-agent: there is already a token named 'site-a'; rotate it, or choose another name\n"
    )


def test_the_words_of_the_command_line_cost_nothing_to_every_start_of_airflow(tmp_path: Path):
    heavy = "('airflow_plugin.models', 'airflow_plugin.queue', 'alembic', 'fastapi')"
    code = f"import sys, airflow_plugin.cli.definition; print([name for name in {heavy} if name in sys.modules])"
    environment = clean_environment(tmp_path, AIRFLOW_HOME=str(tmp_path), _AIRFLOW__AS_LIBRARY="1")
    done = subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
