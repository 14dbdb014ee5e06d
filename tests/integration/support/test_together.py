"""What is made once for all processes of a run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.together import made_once


@pytest.fixture
def name() -> str:
    """Give the name of something that nobody has made."""
    return f"of-a-test-{uuid4().hex}"


def test_of_several_that_need_it_one_makes_it_and_all_get_it_whole(name: str):
    made = []

    def make(file: Path) -> None:
        made.append(file)
        file.write_text("whole", encoding="utf-8")

    with ThreadPoolExecutor(4) as threads:
        files = list(threads.map(lambda _: made_once(name, make), range(8)))

    assert len(made) == 1
    assert {file.read_text(encoding="utf-8") for file in files} == {"whole"}


def test_what_could_not_be_made_is_tried_anew_by_the_next(name: str):
    def fail(file: Path) -> None:
        file.write_text("half", encoding="utf-8")
        raise OSError(name)

    with pytest.raises(OSError, match=name):
        made_once(name, fail)

    assert made_once(name, lambda file: file.touch()).read_text(encoding="utf-8") == ""


def test_so_is_a_folder_and_nothing_of_the_first_try_is_in_it(name: str):
    def fail(folder: Path) -> None:
        folder.mkdir()
        (folder / "half").touch()
        raise OSError(name)

    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / "whole").touch()

    with pytest.raises(OSError, match=name):
        made_once(name, fail)

    assert [each.name for each in made_once(name, make).iterdir()] == ["whole"]
