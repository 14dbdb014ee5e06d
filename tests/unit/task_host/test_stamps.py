from __future__ import annotations

import os
from pathlib import Path

from edge_agent.task_host.stamps import Stamp, changed


def test_what_was_not_touched_has_not_changed(tmp_path: Path):
    file = tmp_path / "airflow.cfg"
    file.write_text("a")

    assert changed([Stamp.of(file), Stamp.of(tmp_path), Stamp.of(tmp_path / "absent")]) is None


def test_a_file_that_was_rewritten_has_changed(tmp_path: Path):
    file = tmp_path / "airflow.cfg"
    file.write_text("a")
    stamp = Stamp.of(file)

    file.write_text("ab")

    assert changed([stamp]) == str(file)


def test_a_file_replaced_by_one_of_the_same_size_and_time_has_changed(tmp_path: Path):
    """What configuration management does, with times preserved."""
    file, beside = tmp_path / "airflow.cfg", tmp_path / "new"
    file.write_text("a")
    stamp = Stamp.of(file)

    beside.write_text("b")
    os.utime(beside, ns=(stamp.mtime_ns, stamp.mtime_ns))
    beside.replace(file)

    assert changed([stamp]) == str(file)


def test_a_file_that_appears_or_goes_has_changed(tmp_path: Path):
    file = tmp_path / "airflow.cfg"
    absent = Stamp.of(file)
    file.write_text("a")
    present = Stamp.of(file)

    assert changed([absent]) == str(file)
    file.unlink()
    assert changed([present]) == str(file)


def test_a_folder_changes_when_a_package_is_installed(tmp_path: Path):
    stamp = Stamp.of(tmp_path)
    os.utime(tmp_path, ns=(0, 0))
    stamp = Stamp.of(tmp_path)

    (tmp_path / "apache_airflow-3.3.3.dist-info").mkdir()

    assert changed([stamp]) == str(tmp_path)
