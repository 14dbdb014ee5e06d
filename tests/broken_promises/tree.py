"""A copy of the working tree with an environment of its own, in which lines may be broken.

The environment has the same packages; ours are those of the copy, in every process that a test starts:
agents and Airflow's components get a clean environment variable or two, but always this Python.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.bench.overlay import OURS, make_overlay
from tests.support.process import MACHINE_ENVIRONMENT

ROOT = Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "node_modules")
PATIENCE_SECONDS = 120
"""For one test that sets no limit of its own: a promise that is broken must not be found out by waiting."""


@dataclass(frozen=True)
class Outcome:
    """How one test went. ``test``: as pytest is asked for it; ``name``: with its parameters.

    ``said``: the first line of its complaint, empty when it has none.
    """

    test: str
    name: str
    seconds: float
    is_red: bool
    said: str

    @property
    def function(self) -> str:
        """The name without file and parameters."""
        return self.test.rpartition("::")[2]


class Tree:
    """One copy below ``home``."""

    def __init__(self, home: Path) -> None:
        self.root = home / "tree"
        shutil.copytree(ROOT, self.root, ignore=NOT_COPIED)
        self.python = _environment(self.root)
        self._check_imports()

    @contextmanager
    def broken(self, file: str, old: str, new: str) -> Iterator[None]:
        """Replace a text that stands once in a file; afterwards it is as before."""
        path = self.root / file
        whole = path.read_text(encoding="utf-8")
        assert whole.count(old) == 1, f"{file} has this {whole.count(old)} times, and not once: {old}"
        path.write_text(whole.replace(old, new), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(whole, encoding="utf-8")

    def run(self, tests: Sequence[str]) -> list[Outcome]:
        """Run these tests in the copy, in the order they are named; return how each went."""
        shutil.rmtree(self.root / ".hypothesis", ignore_errors=True)  # what it found when another line was broken
        report = self.root / "report.xml"
        report.unlink(missing_ok=True)
        options = ["-q", "-p", "no:randomly", f"--timeout={PATIENCE_SECONDS}", f"--junitxml={report}"]
        command = [str(self.python), "-B", "-m", "pytest", *options, *tests]
        done = subprocess.run(
            command, check=False, cwd=self.root, env=MACHINE_ENVIRONMENT, capture_output=True, text=True
        )
        assert report.exists(), f"pytest did not come to its end:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        return [_outcome(case) for case in ET.parse(report).iter("testcase")]  # noqa: S314  written by our pytest

    def _check_imports(self) -> None:
        """Make sure that it is the copy which is tried, wherever it is imported from."""
        asked = "import airflow_plugin, edge_agent; print(airflow_plugin.__file__, edge_agent.__file__)"
        done = subprocess.run([self.python, "-c", asked], check=True, cwd="/", capture_output=True, text=True)
        strange = [path for path in done.stdout.split() if not Path(path).is_relative_to(self.root)]
        assert not strange, f"the copy would not be tried, but {strange}"


def _environment(root: Path) -> Path:
    """Make an environment of the packages of this one, and of the copy; return its Python."""
    python = make_overlay(root / ".venv")
    here = Path(sysconfig.get_path("purelib"))
    (there,) = (root / ".venv" / "lib").glob("python*/site-packages")
    (there / "copy.pth").write_text(f"{root}\n", encoding="utf-8")
    for entry in here.glob(f"{OURS[0]}*"):  # its entry points, by which Airflow finds the plugin
        (there / entry.name).symlink_to(entry)
    for name in ("airflow", "edge-agent"):
        script = Path(sysconfig.get_path("scripts"), name).read_text(encoding="utf-8")
        program = python.with_name(name)
        program.write_text(re.sub(r"\A#!.*", f"#!{python}", script), encoding="utf-8")
        program.chmod(0o755)
    return python


def _outcome(case: ET.Element) -> Outcome:
    """Read one. An error is none of the test's own: something else failed before it or after it."""
    failures = [*case.iter("failure")]
    said = next((line for each in failures for line in each.get("message", "").splitlines()), "")
    name, file = case.get("name", ""), case.get("classname", "").replace(".", "/")
    test = f"{file}.py::{name.partition('[')[0]}"
    return Outcome(test, name, float(case.get("time", "0")), bool(failures), said)
