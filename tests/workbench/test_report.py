from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

sys.path.insert(0, str(Path(__file__).parent))

from example_summary import example_dict, example_summary

from workbench.report import plot, write_report
from workbench.report.figures import all_figures
from workbench.report.page import render
from workbench.summary import Summary

HOSTILE = "<script>alert(1)</script>"
SECTIONS = (
    "choose", "compared", "table", "plane", "collapse", "sparsity", "fronts", "pareto", "architectures",
    "exports", "reproduce", "glossary",
)  # fmt: skip
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


def _hostile() -> Summary:
    content = example_dict()
    content["name"] = content["task"] = content["space"] = HOSTILE
    content["budget"]["note"] = content["versions"]["torch"] = content["zoo"]["kind"] = HOSTILE
    row = content["generators"].pop("mlp")
    row["family"] = HOSTILE
    row["config"] = {HOSTILE: HOSTILE}
    row["metrics"][HOSTILE] = row["metrics"]["fidelity"]
    row["verdict"] = [{"label": HOSTILE, "reason": HOSTILE}]
    row["architectures"][0]["name"] = HOSTILE
    content["generators"] = {HOSTILE: row, **content["generators"]}
    content["trials"][0] |= {"family": HOSTILE, "reason": HOSTILE, "params": {HOSTILE: HOSTILE}}
    for path in (HOSTILE, "javascript:alert(1)", "/etc/passwd", "../../x", "//evil.example/x"):
        content["exports"].append({**content["exports"][0], "path": path, "generator": HOSTILE})
    return Summary.model_validate(content)


def test_sections_and_no_address_outside() -> None:
    page = render(example_summary()).split('<script type="application/json"')[0]
    for section in SECTIONS:
        assert f'<section id="{section}"' in page
    assert not re.search(r"(?:src|href)=\"(?!#|\./|data:)", page)
    assert "RunFailed: loss was NaN" in page
    assert page.count("How to read it:") == 6


def test_steps_are_those_of_each_family_and_a_finished_row_is_trained_once() -> None:
    summary = example_dict()
    mine = summary["generators"]["mlp"]
    summary["budget"] |= {"steps": 77_001, "zoo_steps": 77_002}
    summary["generators"]["mlp+50"] = mine | {"family": "mlp+50"}
    page = render(Summary.model_validate(summary))
    known = [row["budget"] for row in summary["generators"].values() if row["kind"] == "family" and row is not mine]
    assert "77,001" not in page
    assert "77,002" not in page
    assert f"mlp {mine['budget']['steps']:,}, transformer" in page
    assert "mlp+50 " not in page.split("steps of training")[1][:200]
    assert f"{sum(budget['seconds'] for budget in known):,.0f} s" in page


def test_hostile_names_stay_text() -> None:
    page = render(_hostile())
    assert HOSTILE not in page
    assert "javascript:alert" not in re.findall(r'href="([^"]*)"', page)
    links = re.findall(r'<td><a href="([^"]*)"', page)
    assert links
    assert all(link.startswith("./") and ".." not in link for link in links)
    specs = re.search(r'<script type="application/json" id="specs">(.*?)</script>', page, re.S)
    assert specs
    assert json.loads(specs[1])


def test_figures_are_valid_plotly() -> None:
    for figure in all_figures(example_summary()):
        assert figure.panels
        for panel in figure.panels:
            go.Figure(panel.spec)


def test_generators_without_novelty_are_named_below_the_plane() -> None:
    content = example_dict()
    figure = next(one for one in all_figures(Summary.model_validate(content)) if one.key == "plane")
    assert "Not shown, as too few of their networks are valid: init" in figure.read
    assert "mlp" not in figure.read
    content["generators"]["mlp"]["metrics"]["max_iou"] = {"mean": None, "low": None, "high": None, "n": 9}
    figure = next(one for one in all_figures(Summary.model_validate(content)) if one.key == "plane")
    assert "are valid: mlp, init" in figure.read


def test_neurons_and_single_weights_are_in_plots_of_their_own() -> None:
    content = example_dict()
    row = content["generators"]["diffusion"]
    before = next(f for f in all_figures(example_summary()) if f.key == "sparsity")
    row["sparsity_curve"] += [{**point, "kind": "weights", "mean": 0.1} for point in row["sparsity_curve"]]
    after = next(f for f in all_figures(Summary.model_validate(content)) if f.key == "sparsity")
    assert [panel.title for panel in after.panels if panel not in before.panels] == ["diffusion, single weights"]
    drawn = {panel.title: panel.spec["data"][1]["y"] for panel in after.panels}
    assert set(drawn["diffusion, single weights"]) == {0.1}
    assert 0.1 not in drawn["diffusion"]
    assert after.data is not None
    assert {row[2] for row in after.data.rows} == {"neurons", "weights"}


def test_an_empty_run_still_has_a_report() -> None:
    content = example_dict() | {"generators": {}, "frontier": [], "trials": [], "pareto": [], "exports": []}
    page = render(Summary.model_validate(content))
    assert "No family to choose" in page
    assert "No finished trial" in page
    assert "exported no network" in page


@pytest.mark.parametrize("colour", [*plot.FAMILY_COLOURS, plot.BASELINE_COLOUR, plot.REAL_COLOUR])
@pytest.mark.parametrize("page", ["#ffffff", "#15181c"])
def test_colours_stand_out_on_light_and_dark(colour: str, page: str) -> None:
    def luminance(code: str) -> float:
        parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    dark, light = sorted((luminance(colour), luminance(page)))
    assert (light + 0.05) / (dark + 0.05) >= 3


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.fail("the report is tested in Chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()


def _open(browser: webdriver.Chrome, summary: Summary, folder: Path) -> None:
    browser.get(write_report(summary, folder).as_uri())
    undrawn = "return document.querySelectorAll('.plot:not([data-drawn])').length"
    WebDriverWait(browser, 60).until(lambda b: b.execute_script(undrawn) == 0)


@pytest.mark.parametrize("make", [example_summary, _hostile])
def test_in_a_browser(browser: webdriver.Chrome, make: Any, tmp_path: Path) -> None:
    browser.get_log("performance")
    _open(browser, make(), tmp_path)
    assert browser.get_log("browser") == []
    plots = browser.find_elements(By.CSS_SELECTOR, ".plot")
    assert len(plots) == 13
    assert all(one.find_elements(By.CSS_SELECTOR, "svg.main-svg") for one in plots)
    assert len(browser.find_elements(By.TAG_NAME, "script")) == 3 + _plotly_scripts(browser)
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    addresses = [one["request"]["url"] for one in sent if one["documentURL"].startswith("file:")]
    outside = [one for one in addresses if not one.startswith(("file:", "data:", "blob:"))]
    assert addresses
    assert outside == []
    entries = browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert all(name.startswith(("file:", "data:")) for name in entries)


def _plotly_scripts(browser: webdriver.Chrome) -> int:
    return len(browser.find_elements(By.CSS_SELECTOR, ".plot script"))


def test_sorting_and_definitions_by_mouse_and_keyboard(browser: webdriver.Chrome, tmp_path: Path) -> None:
    _open(browser, example_summary(), tmp_path)

    def order() -> list[str]:
        cells = browser.find_elements(By.CSS_SELECTOR, "#main-table tbody th")
        return [cell.text.split("\n")[0] for cell in cells]

    button = browser.find_element(By.CSS_SELECTOR, "#main-table [aria-describedby=metric-collapse]")
    head = button.find_element(By.XPATH, "..")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", button)
    button.click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert order()[0] == "real"
    assert set(order()[-2:]) == {"init", "gaussian"}
    button.send_keys(Keys.ENTER)
    assert head.get_attribute("aria-sort") == "descending"
    assert set(order()[:2]) == {"retrieve", "average"}
    assert set(order()[-2:]) == {"init", "gaussian"}
    tip = browser.find_element(By.ID, "tip")
    assert "diversity" in tip.text
    button.send_keys(Keys.ESCAPE)
    assert not tip.is_displayed()


@pytest.mark.parametrize("width", [400, 1000, 1600])
def test_fits_the_screen(browser: webdriver.Chrome, width: int, tmp_path: Path) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    _open(browser, example_summary(), tmp_path)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_table_sorts_and_every_heading_is_defined(browser: webdriver.Chrome, tmp_path: Path) -> None:
    _open(browser, example_summary(), tmp_path)
    browser.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    tables = browser.find_elements(By.TAG_NAME, "table")
    assert len(tables) >= 7
    undefined = "return [...document.querySelectorAll('thead th')].filter(h => !h.querySelector('button[data-tip]'))"
    assert [head.text for head in browser.execute_script(undefined)] == []
    click = "arguments[0].querySelectorAll('thead button')[arguments[1]].click()"
    column = "return [...arguments[0].tBodies[0].rows].map(r => r.cells[arguments[1]].textContent.trim())"
    for table in tables:
        heads = table.find_elements(By.CSS_SELECTOR, "thead th")
        for i, head in enumerate(heads):
            before = browser.execute_script(column, table, i)
            browser.execute_script(click, table, i)
            assert head.get_attribute("aria-sort") in ("ascending", "descending")
            browser.execute_script(click, table, i)
            assert sorted(browser.execute_script(column, table, i)) == sorted(before)
    trials = browser.find_element(By.CSS_SELECTOR, "#pareto table")
    names = [head.text.strip(" ▲▼") for head in trials.find_elements(By.CSS_SELECTOR, "thead th")]
    place = names.index("seconds")
    browser.execute_script(click, trials, 0)
    browser.execute_script(click, trials, place)
    found = [float(text.replace(",", "")) for text in browser.execute_script(column, trials, place)]
    assert found == sorted(found)
    assert browser.get_log("browser") == []


def test_light_and_dark_and_paper(browser: webdriver.Chrome, tmp_path: Path) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        _open(browser, example_summary(), tmp_path)
        colours[scheme] = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert colours == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.execute_script("return document.querySelectorAll('details:not([open])').length") == 0
    assert browser.execute_script("return getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
