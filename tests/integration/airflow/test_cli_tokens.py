"""``airflow edge-agent tokens ...`` on a real database, through Airflow's own parser."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.cli.cli_parser import get_parser
from airflow.utils import yaml

from airflow_plugin.errors import Unauthenticated
from airflow_plugin.queue import tokens
from tests.integration.airflow.conftest import Run
from tests.support.scheduling_bed import SchedulingBed


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


def test_every_bound_of_a_token_can_be_given_and_is_listed(run: Run):
    bounds = {
        "--description": "of the lab",
        "--queues": "a,b",
        "--agents": "db-*,web-1",
        "--addresses": "10.1.0.0/16, 2001:db8::/32",
        "--team-name": "blue",
        "--max-agents": "3",
        "--connections": "site_a_*, shared",
        "--variables": "",
    }
    run("tokens", "create", "site-a", *(word for pair in bounds.items() for word in pair))
    run("tokens", "create", "site-b", "--one-time")
    run("tokens", "create", "site-c", "--kind", "submit", "--run-as-users", "etl")
    first, second, third = json.loads(run("tokens", "list", "-o", "json"))
    assert first["addresses"] == ["10.1.0.0/16", "2001:db8::/32"]
    assert (first["agents"], first["max_agents"], first["team_name"]) == (["db-*", "web-1"], "3", "blue")
    assert (first["kind"], first["one_time"], second["one_time"]) == ("agent", "False", "True")
    assert (third["kind"], third["run_as_users"]) == ("submit", ["etl"])
    assert (first["connections"], first["variables"], second["variables"]) == (["site_a_*", "shared"], [], None)
    shown = run("tokens", "list", "-o", "plain")
    assert "site_a_*,shared" in shown
    assert "db-*,web-1, at most 3" in shown
    assert "the first only" in shown


def test_a_token_is_rotated_and_the_old_secret_works_for_a_while(run: Run, refused: Run, bed: SchedulingBed):
    old = run("tokens", "create", "site-a").strip()
    new = run("tokens", "rotate", "site-a", "--overlap", "1h").strip()
    with bed.session() as session:
        assert {tokens.authenticate(session, each, "a1", []).name for each in (old, new)} == {"site-a"}
    newest = run("tokens", "rotate", "site-a", "--overlap", "0").strip()
    with bed.session() as session:
        tokens.authenticate(session, newest, "a1", [])
        for each in (old, new):
            with pytest.raises(Unauthenticated, match="was replaced"):
                tokens.authenticate(session, each, "a1", [])
    assert "there is no token named 'nope'" in refused("tokens", "rotate", "nope")
    assert "--overlap 'soon' is not a time" in refused("tokens", "rotate", "site-a", "--overlap", "soon")


def test_the_number_of_tokens_is_bounded_by_the_configuration(run: Run, refused: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__EDGE_AGENT__MAX_TOKENS", "1")
    run("tokens", "create", "site-a")
    assert "max_tokens allows 1; revoke one, or raise it" in refused("tokens", "create", "site-b")
    monkeypatch.setenv("AIRFLOW__EDGE_AGENT__MAX_TOKENS", "none")
    assert "max_tokens = 'none' is not a whole number" in refused("tokens", "create", "site-b")


def test_a_revoked_token_registers_nobody(run: Run, refused: Run, bed: SchedulingBed):
    secret = run("tokens", "create", "site-a").strip()
    assert "revoked" in run("tokens", "revoke", "site-a")
    with bed.session() as session, pytest.raises(Unauthenticated):
        tokens.authenticate(session, secret, "a1", [])
    assert "there is no token named 'nope'" in refused("tokens", "revoke", "nope")


def test_a_token_of_the_same_name_is_refused(run: Run, refused: Run):
    run("tokens", "create", "site-a")
    assert "already a token named 'site-a'" in refused("tokens", "create", "site-a")
