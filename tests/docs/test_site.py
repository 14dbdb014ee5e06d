"""The site of the documentation: all of it is there, nothing of it is anybody else's, and a mistake is a failure."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.docs.documents import DOCS, ROOT
from tests.support.browser import Complaints, chromium
from tests.support.process import clean_environment, program

LOADED = re.compile(
    r"""<(?:script|img|iframe|source|link|audio|video|object|embed)\b[^>]*?\b(?:src|srcset|href)=["']?([^"'\s>]+)"""
)
STYLED = re.compile(r"""(?:url\(|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")
FOREIGN = re.compile(r"(?:https?:)?//")


def build(config: Path, site: Path) -> str:
    """Build as `make docs` does; return its complaints, none if all was well."""
    command = [program("mkdocs"), "build", "--strict", "--clean", "--config-file", str(config), "--site-dir", str(site)]
    environment = clean_environment(site.parent, NO_MKDOCS_2_WARNING="1")
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    complaints = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("INFO"))
    assert (done.returncode == 0) == (complaints == ""), done.stdout + done.stderr
    return complaints


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the site, built once."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    assert build(DOCS / "site" / "mkdocs.yml", folder) == ""
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Give the folder of two pages with the site's configuration, but for its menu."""
    (docs := tmp_path / "docs").mkdir()
    shutil.copytree(DOCS / "site", docs / "site", ignore=shutil.ignore_patterns("__pycache__"))
    config = docs / "site" / "mkdocs.yml"
    pages = "nav: [index.md, other.md, changelog.md, contributing.md]\n"
    config.write_text(config.read_text(encoding="utf-8").partition("\nnav:")[0] + f"\n{pages}")
    for above in ("CHANGELOG.md", "CONTRIBUTING.md"):
        (tmp_path / above).write_text("# Title\n")
    (docs / "index.md").write_text("# A title\n\n[right](other.md#one-heading-of-it)\n")
    (docs / "other.md").write_text("# Other\n\n## One `heading` of it\n")
    return docs


def test_every_page_is_in_it_and_so_is_the_openapi(site: Path):
    pages = [path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")]
    pages = [page.with_stem("index") if page.stem == "README" else page for page in pages]
    assert [str(page) for page in pages if not (site / page).is_file()] == []
    assert (site / "reference" / "openapi.json").read_bytes() == (DOCS / "reference" / "openapi.json").read_bytes()
    assert 'href="openapi.json"' in (site / "reference" / "queue-api.html").read_text(encoding="utf-8")
    assert 'href="how-to/the-page.html"' in (site / "changelog.html").read_text(encoding="utf-8")


def test_no_program_and_no_configuration_is_published(site: Path):
    assert [str(path) for path in site.rglob("*") if path.suffix in {".py", ".yml", ".md"}] == []


def test_nothing_that_a_page_loads_is_on_another_host(site: Path):
    foreign = {
        f"{path.relative_to(site)}: {address}"
        for path in [*site.rglob("*.html"), *site.rglob("*.css")]
        for address in (LOADED if path.suffix == ".html" else STYLED).findall(path.read_text(encoding="utf-8"))
        if FOREIGN.match(address)
    }
    assert foreign == set()


def test_a_reader_asks_nobody_else_for_anything(served: str):
    """Whatever scripts do: seen from the browser."""
    with chromium() as browser:
        opened = browser.new_page(viewport={"width": 400, "height": 800})
        asked: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        complaints = Complaints.of(opened)
        for page in ("index", "how-to/the-page", "reference/states", "changelog", "benchmarks"):
            opened.goto(f"{served}{page}.html")
            opened.wait_for_load_state("networkidle")
            # On a phone tables scroll, pages do not.
            assert opened.evaluate("document.documentElement.scrollWidth") == 400, page
        assert [url for url in asked if not url.startswith((served, "data:", "blob:"))] == []
        assert complaints.unexpected() == []


def test_a_word_is_found_and_a_picture_follows_the_theme(served: str):
    with chromium() as browser:
        opened = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="dark")
        opened.goto(f"{served}how-to/the-page.html")
        shown = opened.locator("article img:visible").first
        expect(shown).to_have_attribute("src", "../images/page-agents-dark.png#only-dark")
        opened.get_by_placeholder("Search").fill("cordon")
        expect(opened.get_by_role("link", name=re.compile("Cordon, drain, stop")).first).to_be_visible()


def test_a_small_site_is_well(small: Path, tmp_path: Path):
    assert build(small / "site" / "mkdocs.yml", tmp_path / "built") == ""


def test_what_leads_nowhere_is_a_failure(small: Path, tmp_path: Path):
    wrong = {
        "[wrong](gone.md)": "'gone.md', but the target is not found",
        "[wrong](other.md#gone)": "does not contain an anchor '#gone'",
        "[wrong](#nowhere)": "no such anchor on this page",
        "[wrong](/other.md)": "absolute link '/other.md'",
        "![wrong](gone.png)": "'gone.png', but the target is not found",
    }
    (small / "index.md").write_text("# A title\n\n" + "\n".join(wrong))
    said = build(small / "site" / "mkdocs.yml", tmp_path / "built")
    assert [text for text, complaint in wrong.items() if complaint not in said] == [], said


def test_a_page_that_is_in_no_menu_and_one_that_is_not_there_are_failures(small: Path, tmp_path: Path):
    (small / "forgotten.md").write_text("# Forgotten\n")
    (small / "other.md").unlink()
    (small / "index.md").write_text("# A title\n")
    said = build(small / "site" / "mkdocs.yml", tmp_path / "built")
    assert 'not included in the "nav" configuration:\n  - forgotten.md' in said
    assert "'other.md' is included in the 'nav' configuration, which is not found" in said


def test_the_whole_check_builds_it_and_counts_warnings():
    """With ``--quiet`` mkdocs sees no warning, and fails at none."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert " docs " in re.findall(r"^ci:(.+)##", makefile, re.MULTILINE)[0]
    recipe = makefile.partition("\ndocs:")[2].partition("\n\n")[0]
    assert "mkdocs build --strict" in recipe
    assert "quiet" not in recipe


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """Give the address of the site, as a plain server of files has it."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Write nothing between the tests' names."""

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
