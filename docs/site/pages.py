"""What the site does to pages that are written to be read on GitHub, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

ROOT = Path(__file__).parents[2]

ABOVE = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
"""Pages whose files lie above the folder of the docs."""

PICTURE = re.compile(
    r'<picture>\s*<source [^>]*srcset="(?P<dark>[^"]+)">\s*'
    r'<img alt="(?P<alt>[^"]+)" src="(?P<light>[^"]+)">\s*</picture>'
)
MERMAID = re.compile(r"^```mermaid\n.*?^```$", re.MULTILINE | re.DOTALL)
STATES = "![queued, offered, running; then succeeded, failed or cancelled](../images/states.svg)"


def on_config(config: MkDocsConfig) -> None:
    """Give headings the anchors that GitHub gives them."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Take in the pages that lie above the folder of the docs."""
    for name, source in ABOVE.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / source)))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Return a page as the site shows it.

    Pictures follow the site's own switch between light and dark, which GitHub's ``<picture>`` does not
    know. The one diagram of Mermaid is drawn already: its library would come from another host.
    """
    if page.file.src_uri in ABOVE:
        markdown = markdown.replace("](docs/", "](")
    markdown = MERMAID.sub(STATES, markdown)
    return PICTURE.sub(r"![\g<alt>](\g<light>#only-light)![\g<alt>](\g<dark>#only-dark)", markdown)
