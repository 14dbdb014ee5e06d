"""What a site has for itself: an object store with a secrets manager, a receiver of lineage, a repository of Dags."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.support.ports import free_port
from tests.support.process import Process, clean_environment, program
from tests.support.waiting import wait_until

REGION = "eu-central-1"


class Aws:
    """moto: S3 and Secrets Manager in one process, which is why it is not rclone. Looked into with boto3."""

    def __init__(self, folder: Path, *, key: str, secret: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._keys = {"aws_access_key_id": key, "aws_secret_access_key": secret, "region_name": REGION}
        self._process = Process(
            "moto",
            [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)],
            environment=clean_environment(folder),
            log=folder / "moto.log",
            cwd=folder,
        )

    def client(self, service: str) -> Any:
        """Return a client of the site's own, such as its admin has."""
        import boto3  # type: ignore[import-untyped]  # it has none

        return boto3.client(service, endpoint_url=self.url, **self._keys)

    def make_buckets(self, *names: str) -> None:
        """Create buckets."""
        for name in names:
            where = {"LocationConstraint": REGION}
            self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)

    def keys(self, bucket: str) -> list[str]:
        """Return the names of the objects in a bucket."""
        return [each["Key"] for each in self.client("s3").list_objects_v2(Bucket=bucket).get("Contents", ())]

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object."""
        content: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def __enter__(self) -> Self:
        self._process.start()
        wait_until(self._answers, what="moto answers", timeout=60, interval=0.2, ignoring=(OSError,))
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill_family()

    def _answers(self) -> bool:
        import httpx

        self._process.must_run()
        try:
            return httpx.get(f"{self.url}/moto-api/", trust_env=False).status_code > 0
        except httpx.TransportError:
            return False


class Lineage:
    """A receiver of OpenLineage events over HTTP. ``events``: what came, in order."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        events = self.events

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def of(self, job: str, kind: str) -> list[dict[str, Any]]:
        """Return the events of one kind (``START``, ``COMPLETE``, ``FAIL``) about a task."""
        return [each for each in list(self.events) if (each["job"]["name"], each["eventType"]) == (job, kind)]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Repository:
    """A bare git repository, and commits to its branch ``main``."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "dags.git"
        self._work = folder / "work"
        self._home = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", "--bare", "--initial-branch=main", str(self.path))
        self._git("clone", "--quiet", str(self.path), str(self._work))

    def commit(self, name: str, text: str) -> str:
        """Commit a file with this content; return the commit's id."""
        (self._work / name).write_text(text, encoding="utf-8")
        inside = ("-C", str(self._work), "-c", "user.name=Site", "-c", "user.email=site@example.com")
        self._git(*inside, "add", name)
        self._git(*inside, "commit", "--quiet", "-m", f"Change {name}")
        self._git(*inside, "push", "--quiet", "origin", "HEAD:main")
        return self._git(*inside, "rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        git = shutil.which("git")
        assert git is not None, "git is not installed"
        environment = clean_environment(self._home)
        done = subprocess.run([git, *arguments], env=environment, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout
