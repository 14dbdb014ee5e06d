"""One API server's reading of logs, in a process and on a disk of its own: the real reader, asked over a pipe.

Run as a program, it reads one request a line: ``{"ti": id, "try": n}`` for a log, ``{"upload": true}`` for one turn
of uploading; and answers each with one line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from tests.support.fernet import FERNET_KEY
from tests.support.process import clean_environment


class LogReplica:
    """A handle on one, for a test."""

    def __init__(self, url: str, home: Path, store: Path | None = None) -> None:
        self.logs = home / "logs"
        self.logs.mkdir(parents=True)
        settings = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__FERNET_KEY": FERNET_KEY,
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor,EdgeAgentExecutor:airflow_plugin.executor.AgentExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs),
        }
        if store is not None:
            settings["FILE_STORE"] = str(store)
            settings["AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS"] = "tests.support.file_store.LOGGING_CONFIG"
        root = Path(__file__).resolve().parents[2]
        with (home / "stderr").open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.log_replica"],
                cwd=root,
                env=clean_environment(home, **settings, PYTHONPATH=str(root)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def read(self, ti: UUID, try_number: int = 1) -> dict[str, Any]:
        """Return ``sources``, ``events`` and ``seconds`` of a log."""
        return self._ask({"ti": str(ti), "try": try_number})

    def upload(self) -> int:
        """Let it upload for a turn; return how many logs."""
        return int(self._ask({"upload": True})["uploaded"])

    def files(self) -> list[str]:
        """Return what is on its disk."""
        return sorted(path.name for path in self.logs.rglob("*.log"))

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("answer "):  # Airflow writes its own log there too.
                answer: dict[str, Any] = json.loads(line.removeprefix("answer "))
                return answer
        msg = f"the replica ended with {self.process.wait()}"
        raise AssertionError(msg)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


def main() -> None:
    """Answer until nobody asks any more."""
    from airflow_plugin import remote_log

    remote_log.install()
    for line in sys.stdin:
        request = json.loads(line)
        answer = _upload() if "upload" in request else _read(UUID(request["ti"]), request["try"])
        print("answer " + json.dumps(answer), flush=True)


def _upload() -> dict[str, Any]:
    from airflow.utils.session import create_session

    from airflow_plugin import remote_log

    with create_session(scoped=False) as session:
        return {"uploaded": remote_log.upload_once(session)}


def _read(ti_id: UUID, try_number: int) -> dict[str, Any]:
    import time

    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from airflow.utils.log.log_reader import TaskLogReader
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        by_id = TaskInstanceHistory.task_instance_id == ti_id
        ti = session.get(TaskInstance, ti_id) or session.scalars(select(TaskInstanceHistory).where(by_id)).one()
        start = time.monotonic()
        stream, metadata = TaskLogReader().read_log_chunks(ti, try_number, {})  # type: ignore[typeddict-item]  # Airflow reads it as one
        events = [message.event for message in stream]
    end = events.index("::endgroup::")
    return {
        "sources": events[1:end],
        "events": events[end + 1 :],
        "seconds": time.monotonic() - start,
        "ended": metadata.get("end_of_log"),
    }


if __name__ == "__main__":
    main()
