"""What a run that met a fault is said to have done, from its ledger and what was seen of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.faults.page import Outcome, page, the_work
from tests.bench.faults.scripts import FAULTS, chosen_faults
from tests.bench.faults.story import Change, Story
from tests.bench.faults.work import DAGS, LINE_SECONDS, Entry, read_ledger, write_dags
from tests.support.faults import ANY, EDGE3_FETCH, FOREIGN, Fault, verb_of

FAULT_AT = 1000.0


def lines(begin: float, end: float, *, try_number: int = 1, ends: bool = True) -> list[Entry]:
    """Return the ledger of one process that works from then to then, counted from the fault."""
    count = int((end - begin) / LINE_SECONDS)
    work = [("line", begin + number * LINE_SECONDS) for number in range(count)]
    events = [("start", begin), *work, *([("end", end)] if ends else [])]
    return [Entry(event, try_number, 100 + try_number, FAULT_AT + at) for event, at in events]


def story(*entries: Entry, **more) -> Story:
    known: dict[str, Any] = {
        "fault": "host-dies",
        "what": "",
        "system": "ours",
        "state": "success",
        "tries": 1,
        "delivered": 0,
    } | more
    return Story(struck_at=FAULT_AT, ledger=sorted(entries, key=lambda entry: entry.at), **known)


def seen(*changes: tuple[float, str, str]) -> list[Change]:
    return [Change(FAULT_AT + at, subject, value) for at, subject, value in changes]


def test_work_that_never_pauses_went_on():
    told = story(*lines(-10, 60))
    assert (told.stopped_after, told.goes_on_after, the_work(told)) == (None, None, "went on")
    assert told.lost_seconds == 0


def test_work_that_ends_before_airflow_knows_went_on_too():
    told = story(*lines(-10, 15), changes=seen((-9, "task", "running, try 1"), (190, "task", "success, try 1")))
    assert (the_work(told), told.ended_after) == ("went on", 190)


def test_work_that_is_killed_later_and_retried_is_told_with_both_times():
    told = story(*lines(-10, 28, ends=False), *lines(300, 320, try_number=2), tries=2)
    assert the_work(told) == "stopped after 27.5 s, began again after 300 s"
    assert told.lost_seconds == pytest.approx(37.5)
    assert len(told.starts) == 2


def test_work_that_was_done_and_is_done_once_more_is_told():
    told = story(*lines(-10, 20), *lines(300, 330, try_number=2), tries=2)
    assert the_work(told) == "came to its end after 20.0 s, began again after 300 s"
    assert told.lost_seconds == pytest.approx(30)


def test_work_that_is_killed_by_the_fault_itself_stopped_at_once():
    told = story(*lines(-10, -0.2, ends=False), *lines(31, 40, try_number=2), tries=2)
    assert the_work(told) == "stopped at once, began again after 31.0 s"


def test_work_that_had_not_begun_only_began_late():
    assert the_work(story(*lines(15.2, 20))) == "began after 15.2 s"


def test_work_that_is_not_taken_up_again_stopped_for_good():
    told = story(*lines(-10, 28, ends=False), state="failed")
    assert (the_work(told), told.goes_on_after) == ("stopped after 27.5 s, for good", None)


def test_work_that_never_began_is_told_so():
    assert the_work(story()) == "never began"


def test_a_pause_before_the_fault_is_none_of_its_doing():
    told = story(*lines(-40, -30, ends=False), *lines(-10, 20, try_number=2), tries=2)
    assert the_work(told) == "went on"


def test_two_tries_side_by_side_are_told():
    told = story(*lines(-10, 60), *lines(40, 80, try_number=2), tries=2)
    assert told.overlap_seconds == pytest.approx(20)
    assert the_work(told) == "went on; **two side by side** for 20.0 s"


def test_a_host_is_known_to_be_gone_from_the_first_word_after_the_fault_that_says_so():
    changes = seen((-60, "host", "unknown"), (-50, "host", "idle"), (3, "host", "idle"), (31, "host", "lost"))
    assert story(changes=changes).noticed_after == 31
    assert story(changes=changes[:3]).noticed_after is None


def test_the_page_has_a_row_for_each_system_and_says_what_could_not_be_measured():
    fault = next(each for each in FAULTS if each.key == "host-dies")
    ours = story(*lines(-10, -0.2, ends=False), *lines(31, 40, try_number=2), tries=2, delivered=38)
    theirs = story(*lines(-10, -0.2, ends=False), *lines(301, 340, try_number=2), tries=2, delivered=90, system="edge3")
    text = page(Outcome([fault], [ours, theirs], {"edge3, upgraded": "TimeoutError: no"}, 20, 0.5))
    rows = [line for line in text.splitlines() if line.startswith("|") and "began again" in line]
    assert [row.split(" | ")[1] for row in rows] == ["edge3", "ours"]
    assert "| 38 of 37 |" in rows[1]
    assert "Not measured: edge3, upgraded: TimeoutError: no" in text


def test_a_worker_that_ends_again_and_again_does_not_fill_the_page():
    fault = next(each for each in FAULTS if each.key == "restarted-alone")
    changes = seen(*((at, "worker", f"is started {at}") for at in range(9)), (9, "host", "idle"))
    text = page(Outcome([fault], [story(fault=fault.key, changes=changes)], {}, 20, 0.5))
    assert "+2.0 s worker is started 2; (5 more); +8.0 s worker is started 8; +9.0 s host idle." in text


def test_a_ledger_is_read_up_to_its_last_whole_line(tmp_path: Path):
    whole = {"event": "start", "try": 1, "pid": 7, "at": 2.0}
    (file := tmp_path / "ledger").write_text(f"{json.dumps(whole)}\n{json.dumps(whole)[:9]}", encoding="utf-8")
    assert read_ledger(file) == [Entry("start", 1, 7, 2.0)]
    assert read_ledger(tmp_path / "none") == []


def test_the_dags_of_both_systems_differ_in_their_place_alone(tmp_path: Path):
    for alias in ("EdgeExecutor", "EdgeAgentExecutor"):
        assert write_dags(tmp_path / alias, ["a"], executor=alias) == {"shell_a", "python_a"}
        assert (tmp_path / alias / "fault.py").read_bytes() == (DAGS / "fault.py").read_bytes()
        place = json.loads((tmp_path / alias / "place.json").read_text(encoding="utf-8"))
        assert place == {"executor": alias, "queues": ["a"]}


def test_faults_are_chosen_by_name_and_all_when_there_is_none():
    assert chosen_faults("") is FAULTS
    assert [fault.key for fault in chosen_faults("upgraded, host-dies")] == ["upgraded", "host-dies"]


def test_a_fault_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(SystemExit, match="there is no earthquake; there are answer-lost, host-dies"):
        chosen_faults("earthquake")


def test_each_fault_has_a_name_of_its_own_and_tells_its_runs_apart():
    assert len({fault.key for fault in FAULTS}) == len(FAULTS)
    assert all(len({load.what for load in fault.loads}) == len(fault.loads) for fault in FAULTS)


def test_only_its_call_for_work_is_told_apart_among_the_edge_providers_calls():
    assert verb_of("POST", "/edge_worker/v1/jobs/fetch/host-1") == EDGE3_FETCH
    assert verb_of("PATCH", "/edge_worker/v1/worker/host-1") == FOREIGN
    assert not Fault(ANY, "drop").is_for(EDGE3_FETCH)
