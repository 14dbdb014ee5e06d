"""Lock what is installed: `requirements/*.txt`, and that of the image, with hashes and without any registry's address.

`make lock` resolves anew. `make lint` runs `--check`, which needs no network: each lock file carries a
digest of what was asked for, so a dependency changed in `pyproject.toml` without a new lock is seen.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYPROJECT = HERE.parent / "pyproject.toml"
IMAGE = HERE.parent / "helm" / "image"
IN_THE_IMAGE = ["--python-version", "3.11", "--constraints", str(HERE / "dev.txt")]
LOCKS = {
    HERE / "dev.txt": (PYPROJECT, ["--all-extras", "--python-version", "3.11"]),
    HERE / "uv.txt": (HERE / "uv.in", []),
    # After dev.txt: an image holds the versions that the tests have seen.
    IMAGE / "bare.txt": (PYPROJECT, ["--extra", "metrics", *IN_THE_IMAGE]),
    IMAGE / "tasks.txt": (PYPROJECT, ["--extra", "tasks", "--extra", "metrics", *IN_THE_IMAGE]),
}
MARK = "# Locks: "


def asked_for(source: Path) -> str:
    """Return a digest of the requirements in ``source``, whatever else it says."""
    if source.suffix == ".toml":
        tables = tomllib.loads(source.read_text(encoding="utf-8"))
        project = tables["project"]
        wanted = [project["requires-python"], project["dependencies"], project["optional-dependencies"]]
        content = json.dumps(wanted, sort_keys=True)
    else:
        content = source.read_text(encoding="utf-8")
    return hashlib.sha256(content.encode()).hexdigest()


def stale() -> list[Path]:
    """Return the lock files that answer to something else than what is asked for now."""
    return [
        lock
        for lock, (source, _) in LOCKS.items()
        if not lock.exists() or f"{MARK}{asked_for(source)}" not in lock.read_text(encoding="utf-8")
    ]


def write(lock: Path, source: Path, options: list[str]) -> None:
    """Resolve ``source`` for every supported Python and platform into ``lock``.

    The file that is there is read first, so that only what must change changes; `make lock UPGRADE=1`
    takes the newest of everything.
    """
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-annotate"]
    command += ["--custom-compile-command", "make lock", "--output-file", str(lock), *options, str(source)]
    subprocess.run(command + ["--upgrade"] * ("--upgrade" in sys.argv), check=True, cwd=HERE.parent)
    text = lock.read_text(encoding="utf-8")
    lock.write_text(f"{MARK}{asked_for(source)}\n{text}", encoding="utf-8")


def main() -> int:
    """Lock, or check with ``--check``."""
    if "--check" not in sys.argv:
        for lock, (source, options) in LOCKS.items():
            write(lock, source, options)
        return 0
    for lock in stale():
        print(f"{lock.relative_to(HERE.parent)} does not lock what is asked for now: run `make lock`.")
    return 1 if stale() else 0


if __name__ == "__main__":
    sys.exit(main())
