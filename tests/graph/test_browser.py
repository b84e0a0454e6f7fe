"""The Neo4j Browser as an investigator meets it, in headless Chromium: guide, colours, questions, deep links.

The pictures of ``docs/investigating.md`` are made here: ``GRAPHRISK_PICTURES=docs/pictures pytest tests/graph/test_browser.py``.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote

import neo4j
import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from graphrisk.graph import guide
from graphrisk.graph.links import BrowserLinks
from graphrisk.graph.server import USER, LocalServer, Running
from tests.graph import world

REQUIRED = os.environ.get("GRAPHRISK_REQUIRE_NEO4J") == "1"
SECONDS = 60
ARGUMENTS = """
--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1400,900
""".split()  # noqa: SIM905 - easier to read
RED, BLUE, GREY, DEVICE, CARD = "#d9333f", "#4c8eda", "#6b7a99", "#569480", "#f2c85b"

Found = TypeVar("Found")


class Drawn(NamedTuple):
    """How many nodes of which fill, and how many relationships."""

    fills: Counter[str]
    relationships: int


class Page:
    """The Browser in one tab of a Chromium that knows nothing yet."""

    def __init__(self, running: Running, password: str, folder: Path) -> None:
        self._running, self._password = running, password
        self._pictures = Path(os.environ.get("GRAPHRISK_PICTURES") or folder)
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for argument in [*ARGUMENTS, f"--user-data-dir={folder}"]:
            options.add_argument(argument)
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.tab = webdriver.Chrome(options=options, service=service)

    @property
    def address(self) -> str:
        return self._running.browser

    def open(self, path: str = "") -> None:
        self.tab.get(self.address + path)

    def follow(self, link: str | None) -> None:
        assert link
        self.tab.get(link)

    def log_in(self) -> None:
        self.wait(lambda: self._filled("[data-testid=username]", USER))
        self.wait(lambda: self._filled("[data-testid=password]", self._password)).send_keys(Keys.ENTER)
        self.wait(lambda: "Rings of accounts" in self.text("h3"))
        # The Browser stores what it knows up to a second later; a page that is left before then is logged out.
        self.wait(lambda: self.stored("connections")["connectionsById"]["$$discovery"]["password"])

    def wait(self, look: Callable[[], Found | None]) -> Found:
        """What ``look`` gives, as soon as it gives something. Raises ``TimeoutError``."""
        ends = time.monotonic() + SECONDS
        while True:
            try:
                if found := look():
                    return found
            except (WebDriverException, TypeError, LookupError) as error:  # not there, or only in part
                last: object = error
            else:
                last = "nothing"
            if time.monotonic() > ends:
                seen = self._pictures / "failed.png"
                self.tab.save_screenshot(str(seen))
                shown = " ".join(self.text("body").split())[:500]
                raise TimeoutError(f"The Browser does not show it ({last}); {seen} is what it shows: {shown}")
            time.sleep(0.3)

    def text(self, selector: str) -> str:
        return " ".join(each.text for each in self.tab.find_elements(By.CSS_SELECTOR, selector))

    def click(self, selector: str) -> None:
        self.wait(lambda: self.tab.find_element(By.CSS_SELECTOR, selector))
        self.tab.execute_script("document.querySelector(arguments[0]).click()", selector)

    def ask(self, purpose: str) -> None:
        """Run a question of the guide's page by its ▶."""
        runnable = f"//pre[contains(@class, 'runnable')][starts-with(normalize-space(.), '// {purpose}')]/i"
        self._press(runnable)

    def drawn(self) -> Drawn | None:
        """The newest graph, if there is one."""
        fills, relationships = self.tab.execute_script(
            """
            const graph = document.querySelector("svg:has(g.node)");
            const all = (selector) => (graph ? [...graph.querySelectorAll(selector)] : []);
            return [all("g.node circle.b-outline").map((each) => each.getAttribute("fill").toLowerCase()),
                    all("g.relationship path.b-outline").length];
            """
        )
        return Drawn(Counter(fills), relationships) if fills else None

    def _filled(self, selector: str, text: str) -> WebElement | None:
        """The field, once it holds the text: while the page is being drawn, it may not be typed into, or forget it."""
        field = self.tab.find_element(By.CSS_SELECTOR, selector)
        field.clear()
        field.send_keys(text)
        return field if field.get_attribute("value") == text else None

    def _press(self, path: str) -> None:
        def press() -> bool:
            self.tab.find_element(By.XPATH, path).click()
            return True

        self.wait(press)

    def shows(self, fills: dict[str, int], relationships: int) -> None:
        """Wait for a graph of just these nodes and relationships; it is drawn bit by bit."""
        seen: list[Drawn | None] = []

        def look() -> bool:
            seen[:] = [self.drawn()]
            return seen == [Drawn(Counter(fills), relationships)]

        try:
            self.wait(look)
        except TimeoutError as error:
            raise AssertionError(f"{seen} instead of {fills} and {relationships} relationships") from error

    def stored(self, key: str) -> Any:
        return json.loads(self.tab.execute_script("return localStorage.getItem(arguments[0])", f"neo4j.{key}"))

    def store(self, key: str, value: Any) -> None:
        script = "localStorage.setItem(arguments[0], arguments[1])"
        self.tab.execute_script(script, f"neo4j.{key}", json.dumps(value))

    def next_slide(self, times: int) -> None:
        for _ in range(times):
            self._press("//*[text()='Next']")

    def type(self, parameter: str, value: str) -> None:
        field = self.wait(lambda: self.tab.find_element(By.CSS_SELECTOR, f"input[value-for={parameter}]"))
        field.send_keys(value)

    def picture(self, name: str) -> None:
        """Keep what is seen, smaller, when the layout has settled and the graph fits."""
        for button in ("Collapse the node properties display", "zoom-to-fit"):
            time.sleep(1.5)
            self.tab.execute_script(f"document.querySelector(`button[aria-label='{button}']`)?.click()")
        time.sleep(1)
        clip = {"x": 0, "y": 0, "width": 1400, "height": 620, "scale": 0.75}
        seen = self.tab.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "clip": clip})
        content = base64.b64decode(seen["data"])
        assert len(content) > 20_000, "an empty page is smaller"
        (self._pictures / f"{name}.png").write_bytes(content)


@pytest.fixture
def page(driver: neo4j.Driver, server: LocalServer, running: Running, tmp_path: Path) -> Iterator[Page]:
    missing = [command for command in ("chromium", "chromedriver") if shutil.which(command) is None]
    if missing:
        assert not REQUIRED, f"{' and '.join(missing)} not found; install chromium and chromium-driver"
        pytest.skip(f"The Browser is NOT tested: {' and '.join(missing)} not found")
    world.rewrite(driver)
    opened = Page(running, server.password, tmp_path)
    yield opened
    opened.tab.quit()


def test_pages_are_those_of_the_questions() -> None:
    for name, text in guide.generated().items():
        assert (guide.GUIDES / name).read_text(encoding="utf-8") == text, "run `python -m graphrisk.graph.guide`"
    assert sum(path.stat().st_size for path in guide.GUIDES.rglob("*")) < 200_000


@pytest.mark.slow
def test_guide_is_there_at_the_first_log_in_and_colours_are_one_click(page: Page) -> None:
    page.open()
    page.log_in()
    page.click("a[data-exec]")
    page.ask("Which rings are the riskiest, and why?")
    # ring_a and its members are high; before it is set up, the Browser draws more relationships than the answer has.
    page.wait(lambda: (seen := page.drawn()) and seen.fills == {RED: 8, BLUE: 3, GREY: 1} and seen.relationships >= 10)


def test_set_up_browser_asks_what_the_reader_types(page: Page) -> None:
    page.open()
    page.log_in()
    page.click("a[href$='open.html']")
    page.wait(lambda: page.stored("documents")[-1].get("folder") == "graphrisk")
    assert page.stored("documents")[0]["folder"] == "basics", "the Browser's own stay"
    page.ask("Which rings are the riskiest, and why?")
    page.shows({RED: 8, BLUE: 3, GREY: 1}, 10)  # ring_a of 7, ring_b of 3, and who is in them
    page.picture("riskiest")
    page.next_slide(2)
    page.type("ringId", "ring_a")
    page.ask("Who shares what in this ring?")
    page.shows({RED: 8, DEVICE: 1, CARD: 1}, 16)  # 9 uses and 7 memberships; no link, since it was not asked for
    page.picture("shares")


@pytest.mark.slow
def test_link_to_a_ring_has_its_question_in_the_editor(page: Page) -> None:
    page.follow(BrowserLinks(page.address).ring("ring_a"))
    page.log_in()
    page.click("[data-testid=editor-Run]")
    page.shows({RED: 8}, 9)  # 7 memberships and the 2 links of this publication
    page.picture("ring")


@pytest.mark.slow
def test_links_to_an_account_and_to_a_retired_ring(page: Page) -> None:
    page.follow(BrowserLinks(page.address).account("a1"))
    page.log_in()
    page.click("[data-testid=editor-Run]")
    page.shows({RED: 3}, 2)  # a1 in ring_a, and its one link of this publication, which is to a2
    page.follow(BrowserLinks(page.address).retired_ring("ring_c"))
    page.wait(lambda: "cmd=edit" in page.tab.current_url)
    assert "(ring:Ring {ringId: 'ring_c'})-[figures:SCORED_BY]" in unquote(page.tab.current_url)


@pytest.mark.slow
def test_link_quotes_what_it_is_given(page: Page) -> None:
    page.open("guides/open.html?question=ring_as_of&run=1+DETACH&ringId=it%27s%5C")
    page.wait(lambda: "cmd=edit" in page.tab.current_url)
    address = unquote(page.tab.current_url)
    assert "ringId: 'it\\'s\\\\'" in address
    assert "CASE WHEN null < publication.seq" in address


@pytest.mark.slow
def test_what_the_user_changed_stays(page: Page) -> None:
    page.open("guides/open.html")
    page.wait(lambda: page.tab.current_url.endswith("/browser/"))
    page.open("guides/rings.grass")  # no Browser that writes while we do
    grass, documents = page.stored("grass"), page.stored("documents")
    grass["node.Card"]["color"] = "#000000"
    documents[-1]["content"] = "RETURN 1"
    page.store("grass", grass)
    page.store("documents", [{"id": "own", "content": "RETURN 2", "folder": None}, *documents])
    page.store("settings", {**page.stored("settings"), "autoComplete": True})
    page.open("guides/open.html")
    page.wait(lambda: page.tab.current_url.endswith("/browser/"))
    assert page.stored("grass")["node.Card"]["color"] == "#000000"
    assert page.stored("grass")["node.High"]["color"].lower() == RED
    kept = {each.get("id"): each["content"] for each in page.stored("documents")}
    assert (kept["own"], kept[documents[-1]["id"]]) == ("RETURN 2", "RETURN 1")
    assert page.stored("settings")["autoComplete"] is True
