from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_agent.errors import CannotStart
from edge_agent.task_host import log_of
from edge_agent.task_host.log_path import NAME_BYTES, relative_log

USUAL = "dag_id=d/run_id=manual__1/task_id=t/attempt=1.log"


def test_the_log_is_where_airflow_puts_it_within_the_attempt():
    assert log_of({"log_path": USUAL, "workload": {}}) == f"log/{USUAL}"


def test_a_payload_that_does_not_say_has_it_in_its_workload():
    assert log_of({"log_path": None, "workload": {"log_path": USUAL}}) == f"log/{USUAL}"


@pytest.mark.parametrize("payload", [{}, {"workload": {}}, {"log_path": None, "workload": {"log_path": None}}])
def test_a_workload_without_a_log_has_what_its_process_says(payload: dict[str, Any]):
    assert log_of(payload) == "output.log"
    assert relative_log(payload) is None


@pytest.mark.parametrize("path", ["/etc/passwd", "../../claim", "a/../../../claim", "..", "/"])
def test_a_path_out_of_the_attempt_is_refused(path: str):
    with pytest.raises(CannotStart, match="leads out of the attempt directory"):
        log_of({"log_path": path})


@pytest.mark.parametrize("character", ["x", "ä", "日"])
def test_names_that_are_too_long_are_cut_to_what_a_disk_takes(tmp_path: Path, character: str):
    one = log_of({"log_path": f"dag_id={character * 250}/attempt=1.log"})
    other = log_of({"log_path": f"dag_id={character * 250}!/attempt=1.log"})

    assert all(len(part.encode()) <= NAME_BYTES for part in one.split("/"))
    assert one != other
    (tmp_path / one).parent.mkdir(parents=True)
    (tmp_path / one).touch()


def test_the_longest_name_that_fits_is_left_alone():
    name = "x" * NAME_BYTES
    assert log_of({"log_path": name}) == f"log/{name}"
