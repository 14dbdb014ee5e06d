"""What Root Agent's users write for a host names an agent, or is refused."""

from __future__ import annotations

import pytest

from airflow_plugin.commands.specification import UnclearCommand
from airflow_plugin.commands.target_server import agent_of


@pytest.mark.parametrize(
    ("written", "agent"),
    [
        ("db-07", "db-07"),
        ("DB_07.example.com", "DB_07.example.com"),
        ("db-07:18443", "db-07"),
        ("https://db-07", "db-07"),
        ("https://db-07:18443", "db-07"),
        ("https://db-07:18443/", "db-07"),
        ("HTTP://db-07:80", "db-07"),
        (" db-07:18443\n", "db-07"),
        ("192.168.120.139:18443", "192.168.120.139"),
        ("[2001:db8::7]:18443", "2001:db8::7"),
        ("https://[2001:db8::7]", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("::1", "::1"),
        ("::ffff:10.1.2.3", "::ffff:10.1.2.3"),
    ],
)
def test_a_target_server_names_an_agent_without_scheme_and_port(written, agent):
    assert agent_of(written) == agent


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        ":18443",
        "https://",
        "https://db-07/run",
        "https://db-07?x=1",
        "https://root@db-07",
        "ssh://db-07",
        "db-07:http",
        "db-07:184430",
        "db 07",
        "db-07,db-08",
        "[2001:db8::7",
    ],
)
def test_what_is_of_no_known_form_is_refused_with_the_forms_there_are(written):
    with pytest.raises(UnclearCommand, match="names no agent: write 'db-07', 'db-07:18443' or 'https://db-07:18443'"):
        agent_of(written)
