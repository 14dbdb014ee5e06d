"""A remote log store in a directory, with the habits of the real ones, good and bad.

It appends, as S3's handler does; deletes the folder of what it uploaded; and can be told to fail, to fail
without a word, or to write nothing because it would have written while the task ran.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow.config_templates import airflow_local_settings as stock


class FileStore:
    """The handler. ``mood``: "well", "fails" (raises), "silent" (swallows its failure) or "live" (uploads nothing)."""

    processors = ()

    def __init__(self, bucket: Path, base_log_folder: Path, mood: str = "well") -> None:
        self.bucket = bucket
        self.base_log_folder = base_log_folder
        self.mood = mood
        self.uploads: list[str] = []
        self.meanwhile: Callable[[], None] | None = None

    def upload(self, path: Any, ti: Any = None) -> None:
        if self.mood == "fails":
            msg = "the store is away"
            raise OSError(msg)
        if self.mood in {"silent", "live"}:
            return
        local, there = self.base_log_folder / path, self.bucket / path
        self.uploads.append(str(path))
        there.parent.mkdir(parents=True, exist_ok=True)
        before = there.read_text(encoding="utf-8") + "\n" if there.exists() else ""
        there.write_text(before + local.read_text(encoding="utf-8"), encoding="utf-8")
        shutil.rmtree(local.parent)
        if self.meanwhile is not None:
            self.meanwhile()

    def read(self, relative_path: str, ti: Any) -> tuple[list[str], list[str] | None]:
        there = self.bucket / relative_path
        if not there.exists():
            return [], None
        return [f"store://{relative_path}"], [there.read_text(encoding="utf-8")]


LOGGING_CONFIG = stock.DEFAULT_LOGGING_CONFIG
REMOTE_TASK_LOG = (
    FileStore(Path(os.environ["FILE_STORE"]), Path(stock.BASE_LOG_FOLDER)) if "FILE_STORE" in os.environ else None
)
