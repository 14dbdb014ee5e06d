"""Commands on a host that knows no Airflow, from Dags: what ends how, what is in the log, and what is returned."""

from __future__ import annotations

import pytest

from tests.e2e.commands import Commands, command_host, group, lines_of, wait_for_group, wait_gone
from tests.support.agent_host import OPEN

pytestmark = pytest.mark.timeout(300)
BOTH = pytest.mark.parametrize("dag_id", ["command_deferred", "command_held"])

LISTED = OPEN.replace('"shell"', '"listed"') + '[[command]]\nname = "say"\nargv = ["/bin/echo", "hello"]\n'
"""A policy of a host that says hello, and does nothing else."""


@pytest.fixture(scope="module")
def commands(bed, make_host):
    it = Commands(bed)
    it.connect()
    with command_host(make_host, "bare-1", "bare"):
        yield it


@BOTH
def test_a_command_runs_on_the_host_and_its_task_has_its_log_and_its_last_line(commands, dag_id):
    run = commands.run(dag_id, "echo one; echo two >&2; sleep 3; echo three")
    assert run.wait() == "success"
    log = run.wait_for_log("run", "three")
    assert lines_of(log, "one|two|three") == ["one", "two", "three"]
    assert run.xcom("run") == "three"
    assert run.xcom("run", "edge_agent_jobs") == [str(commands.job(run)["id"])]


@BOTH
def test_exit_at_top_level_fails_the_task_with_the_exit_code_and_the_output(commands, dag_id):
    """SSHRemoteJobOperator stayed deferred for ever; RemSvc showed neither."""
    run = commands.run(dag_id, "echo x; echo why >&2; false; exit 7")
    assert run.wait() == "failed"
    log = run.wait_for_log("run", "exit code 7")
    assert lines_of(log, "x|why") == ["x", "why"]
    assert "bare-1" in log


def test_a_command_that_kills_itself_fails_the_task_and_says_which_signal(commands):
    run = commands.run("command_deferred", "echo going; kill -9 $$")
    assert run.wait() == "failed"
    assert "signal 9" in run.wait_for_log("run", "was ended by signal")


def test_all_of_a_command_of_many_statements_is_in_the_log(commands):
    run = commands.run("command_deferred", "echo out1; echo err1 >&2\necho out2\n(echo out3); echo err2 >&2")
    assert run.wait() == "success"
    assert lines_of(run.wait_for_log("run", "err2"), r"(out|err)\d") == ["out1", "err1", "out2", "out3", "err2"]


@BOTH
def test_three_megabytes_at_once_are_complete_to_the_last_line(commands, dag_id):
    words = "x" * 300
    run = commands.run(dag_id, f"seq -f '%06.0f {words}' 10000; exit 3")
    assert run.wait() == "failed"
    log = run.wait_for_log("run", "exit code 3", timeout=90)
    assert lines_of(log, r"\d{6} x*") == [f"{number:06} {words}" for number in range(1, 10_001)]


def test_bytes_that_are_no_text_and_characters_on_edges_of_pieces_break_nothing(commands):
    pieces = r"printf 'caf\351\n\342'; sleep 1; printf '\202'; sleep 1; printf '\254\n'; echo end"
    run = commands.run("command_deferred", pieces)
    assert run.wait() == "success"
    assert lines_of(run.wait_for_log("run", "end"), r"caf.*|.*€.*|end") == ["caf\\xe9", "€", "end"]


def test_the_log_of_a_deferred_command_is_live(commands, tmp_path):
    run = commands.run("command_deferred", f"echo early; until [ -e {tmp_path}/go ]; do sleep 0.2; done; echo late")
    run.wait_for_task("run", "deferred")
    (tmp_path / "said").touch()
    assert "late" not in run.wait_for_log("run", "early")
    (tmp_path / "go").touch()
    assert run.wait() == "success"


@BOTH
def test_a_quiet_command_adds_nothing_to_the_log(commands, dag_id):
    runs = [commands.run(dag_id, f"sleep {seconds}; echo over") for seconds in (5, 15)]
    assert [run.wait() for run in runs] == ["success", "success"]
    short, long = (run.wait_for_log("run", "over").splitlines() for run in runs)
    assert len(short) == len(long), long


def test_a_command_that_runs_longer_than_it_may_is_gone_with_all_it_started(commands, tmp_path):
    run = commands.run("command_on_time", group(tmp_path))
    pids = wait_for_group(tmp_path)
    assert run.wait() == "failed"
    wait_gone(pids)
    assert "ran longer than it may" in run.wait_for_log("run", "longer")


def test_a_deferral_that_times_out_ends_the_command(commands, tmp_path):
    run = commands.run("command_in_time", group(tmp_path))
    pids = wait_for_group(tmp_path)
    assert run.wait() == "failed"
    wait_gone(pids)


@pytest.mark.parametrize("state", ["failed", "success"])
@BOTH
def test_a_task_that_is_marked_ends_its_command_on_the_host(commands, tmp_path, dag_id, state):
    run = commands.run(dag_id, group(tmp_path))
    pids = wait_for_group(tmp_path)
    run.wait_for_task("run", "deferred" if "deferred" in dag_id else "running")
    run.set_state("run", state)
    wait_gone(pids)


def test_a_task_that_is_cleared_while_deferred_first_ends_what_runs(commands, tmp_path):
    """A try that does not end at once is waited for: two never run beside each other."""
    slow = f"trap 'sleep 3; echo end >> {tmp_path}/ledger; exit 1' TERM; echo start >> {tmp_path}/ledger; echo up;"
    run = commands.run("command_deferred", f"{slow} [ -e {tmp_path}/go ] || while true; do sleep 0.2; done")
    run.wait_for_task("run", "deferred")
    run.wait_for_log("run", "up")
    (tmp_path / "go").touch()
    run.clear("run")
    assert run.wait() == "success"
    assert (tmp_path / "ledger").read_text().split() == ["start", "end", "start"]


def test_twelve_commands_are_returned_in_their_order(commands, tmp_path):
    run = commands.run("commands_in_order", folder=str(tmp_path))
    assert run.wait() == "success"
    assert (tmp_path / "order").read_text().split() == [str(number) for number in range(1, 13)]
    returned = run.xcom("run")
    assert [each["id"] for each in returned] == [str(number) for number in range(1, 13)]
    assert [each["output"] for each in returned] == [f"this is {number}" for number in range(1, 13)]
    log = run.wait_for_log("run", "[12] this is 12")
    assert lines_of(log, r"\[\d+\] this is \d+") == [f"[{number}] this is {number}" for number in range(1, 13)]


def test_six_megabytes_of_output_make_no_large_xcom(commands):
    run = commands.run("commands_large")
    assert run.wait(timeout=200) == "success"
    returned = run.xcom("run")
    assert len(returned) == 24
    assert len(str(returned)) < 16_384
    assert {each["output"]["bytes"] for each in returned} == {262_000}


def test_what_follows_a_failure_runs_only_where_that_is_wanted(commands):
    run = commands.run("commands_stop")
    assert run.wait() == "failed"
    said = run.wait_for_log("stop", "exit code 4")
    assert "'bad'" in said
    assert "[bad] oh" in said
    assert "Not run: 'never'" in said
    assert [each["state"] for each in run.xcom("stop")] == ["succeeded", "failed", "not_run"]
    assert [each["state"] for each in run.xcom("all")] == ["succeeded", "failed", "succeeded"]
    assert [each["state"] for each in run.xcom("beside")] == ["cancelled", "failed"]
    assert "'2' ended with exit code 5" in run.wait_for_log("beside", "exit code 5")


def test_exit_codes_are_success_or_skip_where_the_task_says_so(commands):
    runs = {code: commands.run("command_codes", f"exit {code}") for code in (3, 99, 4)}
    ended = {code: run.wait_for_task("run", timeout=90)["state"] for code, run in runs.items()}
    assert ended == {3: "success", 99: "skipped", 4: "failed"}


def test_outputs_are_returned_as_the_task_says(commands):
    whole = commands.run("command_all", "echo a; echo b")
    parsed = commands.run("command_json", "echo noise >&2; echo '{\"rows\": [1, 2]}'")
    words = commands.run("command_words")
    script = commands.run("command_script")
    bash = commands.run("command_bash", "a=(x y z); echo ${a[1]}")
    assert {run.wait() for run in (whole, parsed, words, script, bash)} == {"success"}
    assert whole.xcom("run") == "a\nb\n"
    assert parsed.xcom("run") == {"rows": [1, 2]}
    assert words.xcom("run") == f"a b|$HOME|{words.run_id}|"
    assert lines_of(script.wait_for_log("run", "read by"), "this is .*") == [f"this is {script.run_id}"]
    assert bash.xcom("run") == "y"


def test_a_command_may_name_its_agent_and_has_what_it_asks_for(commands):
    run = commands.run("command_on_agent", "pwd; echo $A")
    assert run.wait() == "success"
    assert run.xcom("run") == run.run_id
    assert "/" in run.wait_for_log("run", run.run_id).splitlines()


def test_what_the_policy_of_the_host_refuses_is_a_failure_that_names_the_rule_and_is_not_tried_again(
    commands, make_host, tmp_path
):
    host = command_host(make_host, "strict-1", "strict")
    host.policy.write_text(LISTED, encoding="utf-8")
    with host:
        run = commands.run("command_refused", f"touch {tmp_path}/ran")
        assert run.wait() == "failed"
    task = run.task("run")
    assert task["try_number"] == 1
    assert not (tmp_path / "ran").exists()
    log = run.wait_for_log("run", "was refused, and nothing of it ran")
    assert "rule 'commands.allow' of the host's policy" in log


def test_functions_say_what_is_to_run_and_tasks_are_mapped(commands):
    run = commands.run("commands_taskflow")
    assert run.wait() == "success"
    assert run.xcom("text") == f"hello {run.run_id}"
    assert run.xcom("words") == "two  words"
    assert [(each["id"], each["output"]) for each in run.xcom("several")] == [("a", "1\n"), ("2", "2\n")]
    assert [run.xcom("mapped", map_index=index) for index in (0, 1)] == ["item 1", "item 2"]


def test_an_asset_event_says_what_made_it(commands, bed):
    run = commands.run("command_outlet", "echo 5 rows")
    assert run.wait() == "success"
    events = bed.rest.ask("GET", "/assets/events", params={"source_run_id": run.run_id})["asset_events"]
    (made,) = events[0]["extra"]["edge_agent"]
    assert (made["agent"], made["exit_code"], made["output_bytes"]) == ("bare-1", 0, len("5 rows\n"))


def test_sensors_wait_for_what_somebody_else_started(commands, tmp_path):
    run = commands.run("commands_watched", f"echo up; until [ -e {tmp_path}/go ]; do sleep 0.2; done; echo down")
    run.wait_for_task("start", "success")
    run.wait_for_task("deferred", "deferred")
    (tmp_path / "go").touch()
    assert run.wait() == "success"
    assert (run.xcom("deferred"), run.xcom("poking")) == ("down", "down")
