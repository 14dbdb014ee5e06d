"""``airflow edge-agent server-key``, and where else the key is told."""

from __future__ import annotations

import pytest
from airflow.cli.cli_parser import get_parser

from airflow_plugin.queue.signing_keys import signing_keys
from tests.integration.airflow.conftest import Run
from tests.integration.conftest import UseKey
from tests.support.fernet import FERNET_KEY, new_fernet_key
from tests.support.scheduling_bed import SchedulingBed


def test_the_key_that_signs_is_all_there_is_on_standard_output(run: Run):
    assert run("server-key").strip() == signing_keys().published[0].key


def test_the_other_keys_of_a_rotation_are_named_beside_it(
    bed: SchedulingBed, use_key: UseKey, capsys: pytest.CaptureFixture[str]
):
    use_key(f"{new_fernet_key()},{FERNET_KEY}")
    first, second = signing_keys().published
    args = get_parser().parse_args(["edge-agent", "server-key"])
    args.func(args)
    out, err = capsys.readouterr()
    assert out.strip() == first.key
    assert f"Hosts call it {first.id}." in err
    assert f"{second.key} ({second.id})" in err


def test_without_a_fernet_key_there_is_none_to_print_and_it_says_what_to_set(refused: Run, use_key: UseKey):
    use_key("")
    assert "jobs are not signed: set [core] fernet_key" in refused("server-key")


def test_a_new_token_comes_with_the_key_to_set_on_its_host(bed: SchedulingBed, capsys: pytest.CaptureFixture[str]):
    args = get_parser().parse_args(["edge-agent", "tokens", "create", "site-a"])
    args.func(args)
    assert f"export EDGE_AGENT_SERVER_KEY={signing_keys().published[0].key}" in capsys.readouterr().err
