"""A host remembers what has run on it, as much as fits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from edge_agent.ended_jobs import EndedJobs

JOBS = [UUID(int=number) for number in range(1, 100)]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "ended_jobs"


def remembered(file, jobs=JOBS):
    return [job for job in jobs if job in EndedJobs(file, remembered=10)]


def test_what_has_run_is_known_to_the_next_start(file):
    ended = EndedJobs(file, remembered=10)
    ended.add(JOBS[0])
    ended.add(JOBS[0])
    assert JOBS[0] in ended
    assert remembered(file) == JOBS[:1]
    assert file.stat().st_size == 16


def test_the_oldest_are_forgotten_and_the_file_stays_small(file):
    ended = EndedJobs(file, remembered=10)
    sizes = []
    for job in JOBS:
        ended.add(job)
        sizes.append(file.stat().st_size)
        assert job in ended
        assert remembered(file) == JOBS[: len(sizes)][-10:]
    assert JOBS[-11] not in ended
    assert max(sizes) == 20 * 16


@pytest.mark.parametrize("cut", range(1, 16))
def test_an_id_that_was_cut_short_is_left_out_and_shifts_no_other(file, cut):
    EndedJobs(file).add(JOBS[0])
    with file.open("ab") as half:
        half.write(JOBS[1].bytes[:cut])
    assert remembered(file) == JOBS[:1]
    EndedJobs(file).add(JOBS[2])
    assert remembered(file) == [JOBS[0], JOBS[2]]


def test_of_jobs_that_end_side_by_side_none_is_forgotten(file):
    ended = EndedJobs(file)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ended.add, JOBS))
    assert all(job in EndedJobs(file) for job in JOBS)


def test_a_disk_that_takes_nothing_is_told_and_remembered_in_memory(tmp_path, caplog):
    ended = EndedJobs(tmp_path / "missing" / "ended_jobs")
    ended.add(JOBS[0])
    assert JOBS[0] in ended
    assert "Could not write" in caplog.text
