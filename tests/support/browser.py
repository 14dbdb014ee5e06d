"""A real Chromium, and what its pages complain about.

Playwright brings its driver as a wheel; the browser is the machine's own (``requirements/chromium.sh``).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The same glyphs at the same places on every machine, as far as its fonts allow.
    "--font-render-hinting=none",
)
ABORTED = "net::ERR_ABORTED"
"""A request that the page itself has no more need of: what it was for is off the screen."""


def executable() -> str:
    """Return the path of Chromium. Fails the test where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail("There is no Chromium on this machine: run requirements/chromium.sh")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it without a window; end it at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Complaints:
    """What went wrong in a page beside what the test looks at. ``expected``: parts of what a test provokes."""

    said: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, page: Page) -> Complaints:
        """Listen to a page from now on."""
        heard = cls()
        page.on("console", heard.console)
        page.on("pageerror", lambda error: heard.said.append(f"uncaught: {error}"))
        page.on("requestfailed", heard.failed)
        page.on("response", heard.answered)
        return heard

    def console(self, message: ConsoleMessage) -> None:
        """Take note of an error on the console. A refused request has been noted already, with its address."""
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.said.append(f"console: {message.text}")

    def failed(self, request: Request) -> None:
        """Take note of a request without an answer."""
        if request.failure != ABORTED:
            self.said.append(f"{request.method} {request.url}: {request.failure}")

    def answered(self, response: Response) -> None:
        """Take note of a request that was refused."""
        if response.status >= 400:
            self.said.append(f"{response.request.method} {response.url}: {response.status}")

    def unexpected(self) -> list[str]:
        """Return what no test has asked for."""
        return [each for each in self.said if not any(part in each for part in self.expected)]


def shrink(picture: Path, colours: int = 256) -> None:
    """Write a screenshot anew in few colours: a page has no more, and a repository keeps every picture for ever."""
    from PIL import Image

    with Image.open(picture) as image:
        reduced = image.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    reduced.save(picture, optimize=True)
