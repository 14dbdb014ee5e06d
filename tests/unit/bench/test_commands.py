"""What the benchmark of commands makes of its numbers: medians, ratios, reasons, and a page that hides nothing."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from tests.bench.commands.__main__ import chosen
from tests.bench.commands.dags import FORMAT, KINDS, LINE, text_of, write_dags
from tests.bench.commands.figures import Row, Section, worse
from tests.bench.commands.host_memory import ancestors
from tests.bench.commands.loud import lines_in
from tests.bench.commands.page import Outcome, in_words, page, table
from tests.bench.commands.picture import PANELS, draw
from tests.bench.commands.plan import FULL, QUICK
from tests.bench.commands.reasons import REASONS
from tests.bench.commands.sides import BASH, DEFERRED, SIDES, SSH, SSH_FAST, WORKER, Family
from tests.bench.commands.waiting import REQUEST, Load

GOOD = Row("end", "from end to end", "s", {"bash": 2.0, "ssh": 8.0, "ssh1": 4.0, "deferred": 2.0, "worker": 1.0})
BAD = Row("memory", "memory", "MB", {"ssh": 10.0, "ssh1": 10.0, "deferred": 60.0})
WHY = "sshd is small."


def outcome(*rows: Row, reasons=None, failed=None) -> Outcome:
    sections = [Section("times", "One command", "How.", [*rows], samples={"bash": [1.0, 2.0], "deferred": [0.5]})]
    return Outcome(QUICK, ("times", "log"), sections, failed or {}, reasons or {}, 1.0, 0.5)


def test_a_row_of_samples_has_their_median_and_nearly_their_slowest():
    row = Row.of_samples("start", "", "s", {"ssh": [1.0, 2.0, 3.0, 4.0, 10.0, 5.0]})
    assert row.values["ssh"] == 3.5
    assert 9.5 < row.tails["ssh"] <= 10


@pytest.mark.parametrize(("less", "expected"), [(True, 4.0), (False, 0.25)])
def test_better_counts_from_the_side_that_is_good(less, expected):
    assert Row("a", "", "", {"ssh": 8.0, "deferred": 2.0}, less_is_better=less).better("deferred", "ssh") == expected


def test_nothing_is_better_than_what_was_not_measured_or_is_nothing():
    assert Row("a", "", "", {"deferred": 2.0}).better("deferred", "ssh") is None
    assert Row("a", "", "", {"deferred": 0.0, "ssh": 1.0}).better("deferred", "ssh") is None


def test_what_is_worse_by_more_than_a_tenth_is_found_on_either_way():
    row = Row("a", "", "", {"bash": 1.0, "ssh": 1.9, "deferred": 2.0, "worker": 1.05})
    (only,) = worse([row], {})
    assert (only.ours, only.other, only.times, only.reason) == (DEFERRED, BASH, 2.0, None)


def test_what_costs_something_where_the_other_costs_nothing_is_worse():
    (only,) = worse([Row("a", "", "", {"ssh": 0.0, "deferred": 1.0})], {})
    assert only.times == float("inf")


def test_a_row_that_only_tells_is_never_worse():
    assert worse([Row("a", "", "", {"ssh": 1.0, "deferred": 9.0}, judged=False)], {}) == []


def test_a_reason_is_of_one_row_and_one_family():
    assert {each.reason for each in worse([BAD], {("memory", Family.SSH): WHY})} == {WHY}
    assert {each.reason for each in worse([BAD], {("memory", Family.BASH): WHY, ("end", Family.SSH): WHY})} == {None}


def test_with_its_reason_a_page_says_why_and_is_good():
    good = outcome(GOOD, BAD, reasons={("memory", Family.SSH): WHY})
    assert good.is_good
    text = page(good)
    assert (
        f"memory: worse than SSHRemoteJobOperator (deferred, polls every 1 s: 6.00 x, deferred: 6.00 x). {WHY}" in text
    )
    assert "WITHOUT A REASON" not in text


def test_without_its_reason_a_page_says_so_before_all_else_and_the_run_is_not_good():
    bad = outcome(GOOD, BAD)
    assert not bad.is_good
    text = page(bad)
    assert "> **WORSE WITHOUT A REASON: memory (SSHRemoteJobOperator).**" in text
    assert text.index("WORSE WITHOUT A REASON") < text.index("## One command")
    assert "NO REASON IS GIVEN" in text
    assert "WORSE WITHOUT A REASON" in in_words(bad)


def test_a_run_that_could_not_measure_everything_says_so_and_is_not_good():
    bad = outcome(GOOD, failed={"log": "AssertionError: no"})
    assert not bad.is_good
    assert "## log: not measured\n\nAssertionError: no" in page(bad)
    assert "log: NOT MEASURED" in in_words(bad)


def test_a_table_has_the_sides_that_have_a_number_and_the_ratios_that_are_compared():
    header, ruler, row = table([GOOD]).splitlines()
    assert header.startswith(f"|  | unit | {' | '.join(side.name for side in SIDES)} | better than ")
    assert ruler.count("---:") == len(SIDES) + 3
    assert row == "| from end to end | s | 2.00 | 8.00 | 4.00 | 2.00 | 1.00 | 4.00 x | 2.00 x | 2.00 x |"


def test_tails_stand_in_brackets():
    assert "| 2.00 (3.00) |" in table([Row("a", "x", "s", {"ssh": 2.0}, {"ssh": 3.0})])


def test_every_reason_is_of_a_family_that_is_compared_and_is_a_whole_sentence():
    assert {family for _, family in REASONS} <= {Family.BASH, Family.SSH}
    assert all(reason.endswith(".") for reason in REASONS.values())


def test_the_picture_has_a_panel_for_each_measurement_and_is_drawn_without_some(tmp_path):
    assert len(PANELS) == 5
    draw(outcome(GOOD).sections, tmp_path / "images" / "some.svg")
    assert "log: not measured" in (tmp_path / "images" / "some.svg").read_text()


@pytest.mark.parametrize("side", SIDES, ids=lambda side: side.key)
def test_the_dag_file_of_a_side_is_python_and_differs_from_the_others_in_its_operator_alone(side, tmp_path):
    text = text_of(side, FULL, tmp_path)
    tree = ast.parse(text)
    calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert [call for call in calls if "single_" in call] == [f"DAG('single_{side.key}', schedule=None)"]
    assert f"1 {FULL.lines}" in text
    other = WORKER if side == DEFERRED else DEFERRED
    assert len(set(text.splitlines()) - set(text_of(other, FULL, tmp_path).splitlines())) <= 11


def test_every_side_has_its_dags(tmp_path):
    made = write_dags(tmp_path / "dags", [BASH, SSH], QUICK, tmp_path)
    assert made == {f"{kind}_{key}" for kind in KINDS for key in ("bash", "ssh")}
    assert len([*(tmp_path / "dags").iterdir()]) == 2


def test_a_line_of_the_loud_command_has_a_hundred_bytes_and_is_found_in_any_form_of_log(tmp_path):
    line = FORMAT.replace("%08.0f", "%08d") % 7
    assert len(line) + 1 == 100
    assert LINE.findall(line) == ["00000007"]
    (tmp_path / "one").write_text(f'{{"event": "{line}\\n{line.replace("7", "8")}"}}\n')
    (tmp_path / "two").write_bytes(b"\xff " + line.encode())
    assert lines_in(tmp_path.iterdir()) == {7, 8}


def test_a_cut_line_is_none(tmp_path):
    (tmp_path / "one").write_text("line 00000007 ....")
    assert lines_in([tmp_path / "one"]) == set()


def test_ancestors_are_all_up_to_a_process_or_none_where_it_is_not_above():
    assert ancestors(os.getpid(), below=os.getppid()) == {os.getpid()}
    assert ancestors(os.getpid(), below=2**22) == set()


def test_requests_for_commands_are_counted_and_no_others():
    said = "[info] request finished [http.access] method={} path=/edge_agent/v1/{} query= status_code=200\n"
    asked = (("POST", "commands/watch"), ("GET", "commands/0199/logs"), ("POST", "poll"))
    log = "".join(said.format(*each) for each in asked)
    assert len(REQUEST.findall(log)) == 2


def test_a_load_is_what_came_to_it_in_a_minute():
    assert Load(3, 5, 7, 40).each_minute(Load(1, 2, 3, 10), 30) == Load(4, 6, 8, 60)


def test_what_is_asked_for_is_made_in_its_own_order():
    assert chosen("", ["times", "crowd", "log"]) == ["times", "crowd", "log"]
    assert chosen("log, times", ["times", "crowd", "log"]) == ["times", "log"]


def test_what_is_not_there_is_refused_with_what_is():
    with pytest.raises(SystemExit, match="speed: not there; there are times, log"):
        chosen("speed,log", ["times", "log"])


def test_the_plan_for_the_docs_is_larger_in_everything_than_the_trial():
    assert all(getattr(FULL, name) > getattr(QUICK, name) for name in ("singles", "crowd", "lines", "waiting"))


def test_ssh_polls_as_its_default_says_or_every_second():
    assert "poll_interval" not in text_of(SSH, QUICK, Path("/x"))
    assert "poll_interval=1)" in text_of(SSH_FAST, QUICK, Path("/x"))
