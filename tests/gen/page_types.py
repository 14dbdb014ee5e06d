"""What the page knows of the server's answers: its OpenAPI description as TypeScript, by openapi-typescript."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.gen import markdown, protocol
from tests.support.process import program

UI = Path(__file__).parents[2] / "airflow_plugin" / "ui"


def schema() -> str:
    """Return the types.

    :raises subprocess.CalledProcessError: when they cannot be made, such as without the packages of the page.
    """
    with TemporaryDirectory() as folder:
        description = Path(folder, "openapi.json")
        description.write_text(protocol.openapi(), encoding="utf-8")
        converter = UI / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
        written = description.with_name("schema.d.ts")
        command = [program("node"), str(converter), str(description), "--output", str(written)]
        subprocess.run(command, check=True, cwd=UI, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        types = written.read_text(encoding="utf-8")
    return f"// {markdown.MARK} from airflow_plugin/api: change that instead.\n{types}"
