"""Evidence packs in a real browser that has no network and runs no script."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

import graphrisk
from graphrisk import pipeline
from tests.support_api import settings_at, small_home

REQUIRED = os.environ.get("GRAPHRISK_REQUIRE_NEO4J") == "1"
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1100,900",
)  # fmt: skip
OUTSIDE = """
const spill = [];
for (const text of document.querySelectorAll("svg text")) {
  const box = text.getBoundingClientRect(), whole = text.closest("svg").getBoundingClientRect();
  if (box.left < whole.left - 1 || box.right > whole.right + 1 || box.top < whole.top - 1 || box.bottom > whole.bottom + 1)
    spill.push(text.textContent);
}
return spill;
"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    missing = [each for each in ("chromium", "chromedriver") if shutil.which(each) is None]
    if missing:
        assert not REQUIRED, f"{' and '.join(missing)} not found; install chromium and chromium-driver"
        pytest.skip(f"Packs are NOT looked at in a browser: {' and '.join(missing)} not found")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in [*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_network_conditions(offline=True, latency=0, throughput=0)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of the largest ring, of one of its members for both audiences, and of an account in no ring."""
    folder, home = tmp_path_factory.mktemp("packs"), small_home(tmp_path_factory)
    run, settings = graphrisk.read_run(home=home), settings_at(home)
    ring = run.rings().sort_values(["size", "ring_id"]).iloc[-1]["ring_id"]
    accounts = run.accounts()
    member = accounts[accounts["ring_id"] == ring].iloc[0]["account_id"]
    alone = accounts[accounts["ring_id"].isna()].iloc[0]["account_id"]
    pipeline.pack_ring(settings, ring, folder / "ring")
    pipeline.pack_account(settings, member, folder / "member")
    pipeline.pack_account(settings, member, folder / "shown", audience="disclosable")
    pipeline.pack_account(settings, alone, folder / "alone")
    return {name: folder / name / "pack.html" for name in ("ring", "member", "shown", "alone")}


@pytest.mark.parametrize("name", ["ring", "member", "shown", "alone"])
@pytest.mark.parametrize("width", [1100, 500])
def test_a_pack_opens_with_nothing_but_itself(
    tab: webdriver.Chrome, packs: dict[str, Path], name: str, width: int
) -> None:
    def says(script: str) -> Any:
        return tab.execute_script(script)

    tab.set_window_size(width, 900)
    tab.get(packs[name].as_uri())
    assert tab.find_element(By.TAG_NAME, "h1").is_displayed()
    assert says("return performance.getEntriesByType('resource').length") == 0
    assert says("return document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert says(OUTSIDE) == []
    scrolled = says("return [...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth).length")
    assert scrolled == 0 or width < 1000
    logged: list[dict[str, Any]] = tab.get_log("browser")
    assert [each["message"] for each in logged if "favicon" not in each["message"]] == []
    for picture in tab.find_elements(By.CSS_SELECTOR, "svg.ring, svg.time"):
        assert picture.size["width"] > 300
        assert picture.size["height"] > 60
    assert len(tab.find_elements(By.CSS_SELECTOR, "svg.ring")) == int(name in ("ring", "member"))
