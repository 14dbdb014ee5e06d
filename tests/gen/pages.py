"""Every generated file, and comparing them with what lies on the disk."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.gen import (
    chart,
    command_lines,
    markdown,
    metrics,
    options,
    page_types,
    policy,
    protocol,
    settings,
    states,
    status,
)

ROOT = Path(__file__).parents[2]

PAGES: dict[str, Callable[[], str]] = {
    "airflow_plugin/ui/src/api/schema.d.ts": page_types.schema,
    "docs/images/states.svg": states.picture,
    "docs/reference/agent-settings.md": settings.agent_settings,
    "docs/reference/airflow-edge-agent.md": command_lines.admin,
    "docs/reference/chart.md": chart.reference,
    "docs/reference/edge-agent.md": command_lines.agent,
    "docs/reference/host-files.md": settings.host_files,
    "docs/reference/metrics.md": metrics.metrics,
    "docs/reference/openapi.json": protocol.openapi,
    "docs/reference/policy.md": policy.policy,
    "docs/reference/protocol.md": protocol.messages,
    "docs/reference/queue-api.md": protocol.queue_api,
    "docs/reference/server-options.md": options.server_options,
    "docs/reference/states.md": states.states,
    "docs/reference/status.md": status.status,
    "helm/edge-agent/README.md": chart.readme,
    "helm/edge-agent/files/settings.txt": chart.settings,
    "helm/edge-agent/values.schema.json": chart.schema,
    **chart.golden(),
}
"""Path below the repository, and what makes its content."""


def write(root: Path = ROOT, pages: Mapping[str, Callable[[], str]] = PAGES) -> list[str]:
    """Write what is stale below ``root``; return the paths that changed."""
    changed = []
    for path, make in pages.items():
        file, text = root / path, make()
        if _text(file) != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def stale(root: Path = ROOT, pages: Mapping[str, Callable[[], str]] = PAGES) -> list[str]:
    """Return the differences between what lies below ``root`` and what should, as diffs and sentences."""
    diffs = []
    for path, make in pages.items():
        before, after = (text.splitlines(keepends=True) for text in (_text(root / path), make()))
        if diff := "".join(difflib.unified_diff(before, after, path, f"{path} (as generated now)")):
            diffs.append(diff)
    orphans = _orphans(root, pages)
    return diffs + [f"{path}: says that it is generated, and is not any more" for path in orphans]


def _orphans(root: Path, pages: Mapping[str, Callable[[], str]]) -> list[str]:
    files = [path for path in (root / "docs").rglob("*") if path.suffix in (".md", ".svg", ".json")]
    marked = (path for path in sorted(files) if f"{markdown.MARK} from" in _text(path)[:400])
    return [name for path in marked if (name := path.relative_to(root).as_posix()) not in pages]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""
