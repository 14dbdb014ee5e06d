"""What a Dag author writes, and what is asked of the queue for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_plugin.commands.specification import UnclearCommand, specified


def submits(*commands, **common):
    return [each.submit for each in specified(commands, common)]


def test_a_text_is_for_a_shell_and_a_list_is_words():
    text, words = submits("echo $HOME", ["echo", "$HOME"])
    assert (text.command, words.command) == ("echo $HOME", ("echo", "$HOME"))


def test_commands_are_called_by_their_numbers_unless_they_have_an_id():
    assert [each.name for each in submits("a", {"command": "b", "id": "load"}, "c")] == ["1", "load", "3"]


def test_a_command_has_what_is_common_and_what_is_its_own():
    first, second = submits(
        {"command": "a", "queue": "mine", "timeout": timedelta(minutes=2), "env": {"B": "2"}},
        "b",
        queue="all",
        timeout=5,
        env={"A": "1", "B": "1"},
        run_as_user="etl",
    )
    assert (first.queue, first.timeout_seconds, first.env) == ("mine", 120, {"A": "1", "B": "2"})
    assert (second.queue, second.timeout_seconds, second.env) == ("all", 5, {"A": "1", "B": "1"})
    assert (first.run_as_user, second.run_as_user) == ("etl", "etl")


def test_the_common_shell_is_for_texts_alone():
    text, words = submits("a", ["b"], shell="bash")  # noqa: S604  nothing runs
    assert (text.shell, words.shell) == ("bash", None)


def test_without_a_shell_a_text_is_split_into_words():
    (only,) = submits("echo 'a  b' $HOME", shell="none")  # noqa: S604  nothing runs
    assert (only.command, only.shell) == (("echo", "a  b", "$HOME"), None)


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ([], "at least one command"),
        ("echo", "must be a list"),
        ([""], "command 1: 'command' is missing or empty"),
        (["a", " \n"], "command 2: 'command' is blank"),
        ([{"id": "x"}], "'command' is missing"),
        ([{"command": "a", "commands_": "b"}], "'commands_' means nothing here"),
        ([{"command": "a", "id": "x"}, {"command": "b", "id": "x"}], "two commands have the id 'x'"),
        ([{"command": "a", "id": "2"}, "b"], "two commands have the id '2'"),
        ([{"command": ["a"], "shell": "sh"}], "a list of words is run as it is"),
        ([{"command": "a", "shell": "zsh"}], "shell"),
        ([{"command": "'a", "shell": "none"}], "cannot be split into words"),
        ([{"command": "a", "lost_wait": 5}], "goes with on_agent_lost = wait"),
        ([{"command": "a", "timeout": 0}], "timeout_seconds"),
    ],
)
def test_what_is_no_command_is_refused_by_name(commands, said):
    with pytest.raises(UnclearCommand, match=said):
        specified(commands, {})


def test_a_refusal_shows_no_value_of_the_environment():
    with pytest.raises(UnclearCommand) as refused:
        specified([{"command": "a", "env": {"PASSWORD": "planted\0"}}], {})
    assert "planted" not in str(refused.value)
    assert "PASSWORD" in str(refused.value)
