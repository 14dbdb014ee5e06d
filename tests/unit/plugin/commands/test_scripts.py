"""Commands that are names of files."""

from __future__ import annotations

import pytest

from airflow_plugin.commands.scripts import is_script, shell_of, with_shells


@pytest.mark.parametrize("command", ["run.sh", "scripts/run.sh", "../run.bash", "run_all-2.ps1"])
def test_one_word_that_ends_as_scripts_do_is_a_file_beside_the_dag(command):
    assert is_script(command)


@pytest.mark.parametrize(
    "command",
    [
        *("sh run.sh", "sh /home/etl/run.sh", "/home/etl/run.sh", "./run.sh", "~/run.sh", "$HOME/run.sh", "run.py"),
        *(".sh", "echo 1\nrun.sh", "run.sh;x.sh", ["run.sh"], None),
    ],
)
def test_anything_else_is_a_command_for_the_host(command):
    assert not is_script(command)


def test_a_script_is_read_by_the_shell_it_is_for():
    assert [shell_of(each) for each in ("a.sh", "a.bash", "a.ps1", "pwsh a.ps1")] == [None, "bash", "pwsh", None]


def test_each_of_several_scripts_has_its_shell_unless_it_names_one():
    own = {"command": "b.ps1", "shell": "bash"}
    assert with_shells(["a.ps1", own, "c.sh"]) == [{"command": "a.ps1", "shell": "pwsh"}, own, "c.sh"]
    assert with_shells("xcom") == "xcom"
