"""The page as somebody looks at it: one tab of a browser, somebody's login, and the words for what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import Complaints

API = "/edge_agent/v1/ui/"
"""What every request of the page has in its address."""


OURS = "[data-part=root]:has(> [role=tablist][aria-label='Edge Agents'])"
"""What of the screen is this page, and not Airflow's shell."""

DIALOG = "[data-scope=dialog][data-part=content]"
BAD = {"serious", "critical"}


@dataclass
class View:
    """One tab of a browser. ``url``: of the Airflow that it looks at."""

    page: Page
    url: str
    complaints: Complaints

    def open(self, **search: str) -> Self:
        """Open the page of Edge Agents; ``search``: what stands in its address."""
        self.page.goto(f"{self.url}/plugin/edge-agents?{urlencode(search)}")
        expect(self.page.get_by_role("tablist", name="Edge Agents")).to_be_visible()
        return self

    def agent(self, name: str) -> Locator:
        """The row of an agent."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("link", name=name, exact=True)).first

    def row(self, text: str) -> Locator:
        """The row in which a text stands."""
        return self.page.get_by_role("row").filter(has_text=text)

    def tab(self, name: str) -> None:
        """Go to a tab of the page."""
        self.page.get_by_role("tab", name=name, exact=True).click()

    def choose(self, name: str, action: str) -> Locator:
        """Choose an action from the menu of an agent's row; return the question that follows."""
        self.page.get_by_role("button", name=f"Actions on agent {name}", exact=True).click()
        self.page.get_by_role("menuitem", name=action, exact=True).click()
        return self.dialog()

    def dialog(self) -> Locator:
        """The question, or the drawer, that is open."""
        return self.page.locator(DIALOG)

    def confirm(self, verb: str) -> None:
        """Answer the open question with its verb, and see it go."""
        self.dialog().get_by_role("button", name=verb, exact=True).click()
        expect(self.dialog()).to_have_count(0)

    def findings(self, within: str = OURS) -> list[str]:
        """Return what axe finds serious or critical in a part of the screen."""
        violations = Axe().run(self.page, context={"include": [[within]]}).response["violations"]
        return [
            f"{each['impact']} {each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
            for each in violations
            if each["impact"] in BAD
        ]
