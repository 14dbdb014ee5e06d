"""The commands that the docs show an admin, run as they are printed: through Airflow's own parser, on a database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from airflow.cli.cli_parser import get_parser
from sqlalchemy import delete

from airflow_plugin.models import AgentRow, TokenRow
from airflow_plugin.queue import host_keys, tokens
from tests.docs.shell import Command, commands
from tests.support.scheduling_bed import SchedulingBed
from tests.support.workloads import airflow_on

QUEUES = ("onprem", "reports", "night")


@pytest.fixture
def site(sqlite_url: str) -> Iterator[SchedulingBed]:
    """Give an Airflow that has teams."""
    with pytest.MonkeyPatch.context() as patch, airflow_on(sqlite_url, patch):
        patch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
        yield SchedulingBed()


def furnish(site: SchedulingBed, command: Command) -> None:
    """Let the agent or the token that a command is about be there, and nothing else."""
    _, _, noun, *words = command.words
    with site.session() as session:
        for row in (AgentRow, TokenRow):
            session.execute(delete(row))
    name = words[1] if words[1:] else ""
    if noun == "agents" and name:
        site.agent = name
        site.register(*QUEUES)
        with site.session() as session:
            host_keys.note_conflict(session, name, hostname="another", address="198.51.100.7")
    if noun == "tokens" and words[0] != "create" and name:
        with site.session() as session:
            tokens.create(session, name)


def test_a_command_of_an_admin_works(site: SchedulingBed, capsys: pytest.CaptureFixture[str]):
    # Of the tables there are tests of their own; afterwards nothing else would work here.
    shown = [command for command in commands("airflow", "edge-agent") if command.words[2] != "db"]
    assert len(shown) > 20
    failed = []
    for command in shown:
        furnish(site, command)
        arguments = get_parser().parse_args(command.words[1:])
        try:
            arguments.func(arguments)
        except SystemExit:
            failed.append(f"{command}: {capsys.readouterr().err}")
        capsys.readouterr()
    assert failed == []
