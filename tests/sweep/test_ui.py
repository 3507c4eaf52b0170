"""What a person sees of a sweep in MLflow's own pages, in a real browser with no network but this machine."""

import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import pytest
from browser import FLAGS
from mlflow.entities import Run
from processes import client, run, runs
from servers import Server

pytest.importorskip("selenium", reason="no selenium to drive a browser with; it is in the group dev")
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

T = TypeVar("T")

TINY = ("data=digits", "training.epochs=2", "training.batches=4", "evaluation=scores")
SWEEP = ("-m", *TINY, "tracking.log_model=false", "tracking.grids=2", "loss=bce,mse", "seed=0,1")
EPOCHS = 2
LOOPBACK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
CARD = "experiment-view-compare-runs-card"
pytestmark = pytest.mark.long

PATIENCE = 60
"""Seconds for a page to show something: the first visit loads all of MLflow's scripts."""


@dataclass(frozen=True)
class Swept:
    """said: title → what the sweep printed behind it. runs: its runs. uri: the server that shows them."""

    said: dict[str, str]
    runs: list[Run]
    uri: str

    def address(self, title: str) -> str:
        """The address printed as ``title``, on this server in the place of the one that was guessed."""
        return urlsplit(self.said[title])._replace(netloc=urlsplit(self.uri).netloc).geturl()


def program(*names: str) -> str:
    """The first of these programs that is there."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"no {' or '.join(names)} on this machine (Debian: chromium, chromium-driver)")
    return found


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Iterator[Chrome]:
    """A browser."""
    options = ChromeOptions()
    options.binary_location = program("chromium", "chromium-browser", "google-chrome")
    profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
    for flag in (*FLAGS, LOOPBACK, profile, "--window-size=1600,1200"):  # of two equal ones the last counts
        options.add_argument(flag)
    found = Chrome(options, Service(program("chromedriver")))
    yield found
    found.quit()


@pytest.fixture(scope="module")
def swept(driver, tmp_path_factory) -> Iterator[Swept]:
    """Four runs of a sweep, beside one that is not of it, and a server on their store."""
    store = tmp_path_factory.mktemp("store")
    code, output, errors = run(*SWEEP, store=store)
    assert code == 0, errors
    done = runs(store)
    client(store).create_run(done[0].info.experiment_id, run_name="of no sweep")
    said = dict(re.findall(r"^(\w[\w ]*): +(\S.*)$", output, re.MULTILINE))
    server = Server(tmp_path_factory.mktemp("server"), shlex.split(said["open the UI"])[-1])
    try:
        server.start()
        yield Swept(said, done, server.uri)
    finally:
        server.kill()


def go(driver: Chrome, address: str) -> None:
    """Open ``address`` as in a fresh tab: what comes after its # alone would load nothing anew."""
    driver.get("about:blank")
    driver.get(address)


def wait(driver: Chrome, look: Callable[[], T], what: str) -> T:
    """What ``look`` sees, once that is something."""
    patient = WebDriverWait(driver, PATIENCE, 0.2, [StaleElementReferenceException])
    try:
        return patient.until(lambda _: look(), what)
    except WebDriverException as error:
        raise AssertionError(f"{what}: not seen on {driver.current_url}:\n{text(driver)[:2000]}") from error


def text(driver: Chrome) -> str:
    return driver.find_element(By.TAG_NAME, "body").text


def find(driver: Chrome, selector: str) -> WebElement:
    """The first element of a CSS selector that is shown."""

    def look() -> WebElement | None:
        found = driver.find_elements(By.CSS_SELECTOR, selector)
        return next((one for one in found if one.is_displayed()), None)

    return wait(driver, look, selector)


def search(driver: Chrome, title: str) -> None:
    """Leave no charts on the page but those called ``title``; MLflow keeps the pictures beside them."""
    box = find(driver, "input[placeholder='Search metric charts']")
    box.send_keys(Keys.CONTROL, "a", Keys.NULL, title)


def listed(driver: Chrome) -> dict[str, str]:
    """The runs that a page links to: id → name."""
    links = driver.find_elements(By.CSS_SELECTOR, "a[href*='/runs/']")
    found = {(link.get_attribute("href") or "").rpartition("/")[2]: link.text for link in links}
    return {name: said for name, said in found.items() if re.fullmatch("[0-9a-f]{32}", name)}


def lines(driver: Chrome) -> list[set[str]]:
    """The ways of the lines drawn in each chart; colours would not tell runs apart: MLflow may repeat one."""
    charts = driver.find_elements(By.CSS_SELECTOR, ".js-plotly-plot")
    paths = [chart.find_elements(By.CSS_SELECTOR, "path.js-line") for chart in charts]
    return [{path.get_attribute("d") or "" for path in one if path.size["width"] > 0} for one in paths]


def test_all_runs_of_the_sweep_are_listed_flat_and_drawn_over_each_other(driver, swept):
    go(driver, swept.address("its runs"))
    names = {item.info.run_id: item.info.run_name for item in swept.runs}
    wait(driver, lambda: listed(driver) == names, f"the runs {names}, and no other")
    assert "4 matching runs" in text(driver)
    assert len(set(names.values())) == 4
    search(driver, "val/mse")
    wait(driver, lambda: [len(drawn) for drawn in lines(driver)] == [4], "one chart, with four lines")
    legend = driver.find_element(By.XPATH, f"//*[@data-testid='{CARD}'][.//*[text()='val/mse']]").text
    assert all(name in legend for name in names.values())


def picture(driver: Chrome, step: int) -> bytes:
    """What is seen of the picture of that step, once it is there."""

    def look() -> WebElement | None:
        images = driver.find_elements(By.CSS_SELECTOR, "img[src*='reconstructions']")
        wanted = [image for image in images if f"+step+{step}+" in unquote(image.get_attribute("src") or "")]
        return next((image for image in wanted if image.get_property("naturalWidth")), None)

    return wait(driver, look, f"the picture of step {step}").screenshot_as_png


def test_the_slider_of_the_reconstructions_moves_through_the_epochs(driver, swept):
    """MLflow writes all params of the run above the picture, so that one has to scroll to it in its card."""
    one = swept.runs[0].info
    go(driver, f"{swept.uri}/#/experiments/{one.experiment_id}/runs/{one.run_id}/model-metrics")
    search(driver, "reconstructions")
    first = picture(driver, 0)
    slider = find(driver, "[role='slider']")
    seen = {first}
    for step in range(1, EPOCHS + 1):
        slider.send_keys(Keys.ARROW_RIGHT)
        seen.add(picture(driver, step))
    assert len(seen) == EPOCHS + 1
    assert slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax") == str(EPOCHS)
    slider.send_keys(*[Keys.ARROW_LEFT] * EPOCHS)
    assert picture(driver, 0) == first


def rows(switch: WebElement) -> set[str]:
    """The names of the rows in the table below a switch."""
    return {head.text for head in switch.find_elements(By.XPATH, "following::table[1]//th[@scope='row']")}


def test_two_runs_compare_with_show_diff_only(driver, swept):
    pair = [item for item in swept.runs if item.data.tags["seed"] == "0"]
    chosen = json.dumps([item.info.run_id for item in pair])
    go(driver, f'{swept.uri}/#/compare-runs?runs={chosen}&experiments=["{pair[0].info.experiment_id}"]')
    switch = find(driver, "[role='switch'][aria-label='Parameters - Show diff only']")
    bce, mse = (item.data.params for item in pair)
    wait(driver, lambda: rows(switch) == bce.keys() | mse.keys(), "a row for each param")
    switch.click()
    wait(driver, lambda: switch.get_attribute("aria-checked") == "true", "the switch switched on")
    differing = {name for name in bce.keys() | mse.keys() if bce.get(name) != mse.get(name)}
    assert rows(switch) == differing
    assert "loss._target_" in differing
    assert not {"seed", "data._target_", "training.epochs"} & differing


def test_the_run_of_the_sweep_shows_its_page(driver, swept):
    go(driver, swept.address("this sweep"))
    wait(driver, lambda: "Lowest test/mse" in text(driver), "what came of the sweep")
    driver.find_element(By.XPATH, "//*[@role='tab'][normalize-space()='Artifacts']").click()
    wait(driver, lambda: driver.find_elements(By.XPATH, "//*[text()='sweep.html']"), "sweep.html")[0].click()
    driver.switch_to.frame(find(driver, "iframe"))
    wait(driver, lambda: "Lowest test/mse" in text(driver), "the page")
    table = driver.find_element(By.TAG_NAME, "table").text
    assert "loss=bce" in table
    assert "loss=mse" in table
    images = driver.find_elements(By.TAG_NAME, "img")
    assert images
    assert all(image.get_property("naturalWidth") > 0 for image in images)
