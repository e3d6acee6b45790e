"""The report in a real browser: no error, no request, table and plane do what their controls say.

Needs Chromium, its driver and selenium (extra "browser"); skipped where one of them is missing.
"""

import json
import shutil
import time

import numpy as np
import pytest

from mutau.analysis.plane import chosen_curves, g_minus_2_bands, plane_of
from mutau.core.types import Exclusion, provenance
from mutau.report.reproduction import Level, Reproduction
from mutau.report.rows import Row
from mutau.report.write import write_report

MASS = np.geomspace(1e-3, 1.0, 25)
COUPLING = 1e-4 * (1.0 + 5.0 * MASS)
SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --disable-dev-shm-usage "
    "--disable-extensions --disable-default-apps --window-size=1400,1000"
).split()
PATIENCE = 60.0


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The address of a report of three numbers and two limits."""
    limits = tuple(
        Exclusion(MASS, factor * COUPLING, 0.01 * COUPLING, 0.9, name, "lmu-ltau", "bayes",
                  provenance(seed=1))
        for name, factor in (("na64mu", 1.0), ("muone", 0.3))
    )  # fmt: skip
    rows = (
        Row("mu.da", "moment", "251", "300", 300.0, 1.0, "+19.5 %", "differs", "because", "a",
            0.5, "na64mu", "eq. 1", "", distance=2.0),
        Row("mu.width", "width", "eqs.", "figure", None, None, "", "shown", "", "b", 2.5,
            "na64mu", "eq. 4", ""),
        Row("me.sqrts", "energy", "406 MeV", "405.5", 405.5, 0.0, "-0.1 %", "agrees", "", "c",
            0.1, "muone", "sec. II", "", distance=0.1),
    )  # fmt: skip
    made = Reproduction(("na64mu", "muone"), Level("tiny", 10, 25), rows, (), {"x": 1.0},
                        provenance(seed=1), limits, plane_of(limits, chosen_curves()))  # fmt: skip
    folder = tmp_path_factory.mktemp("browser")
    return write_report(made, folder)[-1].as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium with an empty profile of its own, and no name that resolves to anything."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    pytest.importorskip("plotly", reason="plotly is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("chromium and chromedriver are not installed")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    profile = tmp_path_factory.mktemp("profile")
    for switch in (
        *SWITCHES,
        f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    window = webdriver.Chrome(options=options, service=Service(driver))
    window.set_page_load_timeout(PATIENCE)
    yield window
    window.quit()


@pytest.fixture
def opened(browser, page):
    """The page, freshly loaded, with the logs of before thrown away."""
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get(page)
    wait(lambda: traces(browser))
    return browser


def wait(condition):
    """Until the condition holds; selenium's own waits bring less and mean the same."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the page did not get there"
        time.sleep(0.05)


def traces(window):
    """What is drawn: (group, visible, year, name, x, y) of every trace."""
    return window.execute_script(
        "const d = document.getElementById('plane-drawing');"
        "return (d && d._fullData && d.data || []).map((t, i) => ({group: t.legendgroup,"
        " visible: t.visible, year: t.meta.year, name: t.name || '', x: t.x, y: t.y}))"
    )


def visible(window, group):
    return {trace["visible"] for trace in traces(window) if trace["group"] == group}


def box(window, text):
    """The checkbox whose label holds a text."""
    for label in window.find_elements("css selector", "#plane-curves label"):
        if text in label.text:
            return label.find_element("css selector", "input")
    raise AssertionError(f"no checkbox {text!r}")


def click(window, element):
    window.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element
    )
    element.click()


def axes(window):
    return window.execute_script(
        "const f = document.getElementById('plane-drawing')._fullLayout;"
        "return [...f.xaxis.range, ...f.yaxis.range]"
    )


def place(window, mass, coupling):
    """Pixels of a point of the plane from the middle of the axes."""
    return window.execute_script(
        "const f = document.getElementById('plane-drawing')._fullLayout;"
        "return [f.xaxis.d2p(arguments[0]) - f.xaxis._length / 2,"
        " f.yaxis.d2p(arguments[1]) - f.yaxis._length / 2].map(Math.round)",
        mass, coupling,
    )  # fmt: skip


def test_it_loads_without_errors_and_asks_nobody(opened, page):
    click(opened, opened.find_element("css selector", "input[value='2025']"))
    assert opened.get_log("browser") == []
    requests = []
    for entry in opened.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            requests.append(message["params"]["request"]["url"])
    assert page in requests  # the log sees what is asked for
    others = [url for url in requests if url != page]
    assert all(url.startswith(("data:", "blob:", "chrome:", "about:")) for url in others), others
    assert "Share" not in opened.find_element("id", "plane").get_attribute("innerHTML")


def test_boxes_and_legend_switch_curves_and_agree(opened):
    """The fill and the line of a curve go together; so do the box and the legend."""
    ccfr = next(t["group"] for t in traces(opened) if t["name"] == "CCFR trident")
    assert visible(opened, ccfr) == {True}
    click(opened, box(opened, "CCFR"))
    wait(lambda: visible(opened, ccfr) == {"legendonly"})
    (entry,) = (
        item for item in opened.find_elements("css selector", "#plane-drawing .legend .traces")
        if "CCFR" in item.text
    )  # fmt: skip
    toggle = entry.find_element("css selector", ".legendtoggle")
    opened.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", toggle
    )
    from selenium.webdriver import ActionChains

    ActionChains(opened).move_to_element(toggle).click().perform()
    wait(lambda: visible(opened, ccfr) == {True})
    assert box(opened, "CCFR").is_selected()
    click(opened, opened.find_element("css selector", "button[data-curves=ours]"))
    shown = {t["name"] for t in traces(opened) if t["visible"] is True and t["name"]}
    assert shown == {"na64mu (this work)", "muone (this work)"}
    assert not box(opened, "CCFR").is_selected()
    click(opened, opened.find_element("css selector", "button[data-curves=all]"))
    assert visible(opened, ccfr) == {True}


def test_the_year_switch_shows_the_band_of_that_year(opened):
    bands = {b.meta["year"]: b for b in g_minus_2_bands("lmu-ltau", (1e-4, 10.0))}
    notes = set()
    for year in (2023, 2025, 2021):
        click(opened, opened.find_element("css selector", f"input[name=year][value='{year}']"))
        drawn = [t for t in traces(opened) if t["group"] == "gm2" and t["visible"] is True]
        assert {t["year"] for t in drawn} == {year}
        assert max(drawn[-1]["y"]) == pytest.approx(bands[year].y2.max(), rel=1e-5)
        notes.add(opened.find_element("id", "plane-year-note").text)
    assert len(notes) == 3
    click(opened, box(opened, "band"))
    click(opened, opened.find_element("css selector", "input[name=year][value='2023']"))
    assert True not in visible(opened, "gm2")  # switched off stays off in another year


def test_hover_tells_mass_coupling_level_and_source(opened):
    from selenium.webdriver import ActionChains

    click(opened, opened.find_element("css selector", "button[data-curves=ours]"))
    area = opened.find_element("css selector", "#plane-drawing .nsewdrag")
    opened.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", area
    )
    x, y = place(opened, MASS[8], COUPLING[8])
    ActionChains(opened).move_to_element_with_offset(area, x, y).move_by_offset(1, 0).perform()
    seen = "#plane-drawing .hovertext"
    wait(lambda: opened.find_elements("css selector", seen))
    text = opened.find_element("css selector", seen).text
    for part in ("na64mu", f"{MASS[8]:.4g} GeV", f"{COUPLING[8]:.3g}", "90 % CL", "bayes"):
        assert part in text, (part, text)


def test_zoom_by_mouse_and_back(opened):
    from selenium.webdriver import ActionChains

    before = axes(opened)
    area = opened.find_element("css selector", "#plane-drawing .nsewdrag")
    opened.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", area
    )
    drag = ActionChains(opened).move_to_element_with_offset(area, -100, -80).click_and_hold()
    drag.move_by_offset(100, 80).move_by_offset(100, 80).release().perform()
    wait(lambda: axes(opened) != before)
    low, high = axes(opened)[:2]
    assert before[0] < low < high < before[1]
    click(opened, opened.find_element("id", "plane-reset"))
    wait(lambda: axes(opened) == pytest.approx(before))


def shown_rows(window):
    return [
        row.find_element("css selector", "code").text
        for row in window.find_elements("css selector", "#rows tbody tr") if row.is_displayed()
    ]  # fmt: skip


def choose(window, menu, value):
    from selenium.webdriver.support.select import Select

    Select(window.find_element("id", menu)).select_by_value(value)


def test_the_table_filters_and_sorts(opened):
    assert shown_rows(opened) == ["mu.da", "mu.width", "me.sqrts"]
    search = opened.find_element("id", "filter-words")
    search.send_keys("because MOMENT")
    assert shown_rows(opened) == ["mu.da"]
    assert opened.find_element("id", "count").text == "1 of 3 numbers"
    search.clear()
    search.send_keys(" ")
    everything = ["mu.da", "mu.width", "me.sqrts"]
    choose(opened, "filter-verdict", "agrees")
    wait(lambda: shown_rows(opened) == ["me.sqrts"])
    choose(opened, "filter-verdict", "")
    wait(lambda: shown_rows(opened) == everything)
    choose(opened, "filter-paper", "na64mu")
    wait(lambda: shown_rows(opened) == ["mu.da", "mu.width"])
    choose(opened, "filter-paper", "")
    wait(lambda: shown_rows(opened) == everything)
    button = opened.find_element("css selector", "button[data-key=difference]")
    click(opened, button)  # by size; what has no difference comes last, either way
    assert shown_rows(opened) == ["me.sqrts", "mu.da", "mu.width"]
    click(opened, button)
    assert shown_rows(opened) == ["mu.da", "me.sqrts", "mu.width"]
    heading = button.find_element("xpath", "..")
    assert heading.get_attribute("aria-sort") == "descending"
    choose(opened, "sort", "seconds")
    wait(lambda: shown_rows(opened) == ["me.sqrts", "mu.da", "mu.width"])


def test_a_narrow_screen_needs_no_scrolling_sideways(opened):
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        opened.refresh()
        wait(lambda: traces(opened))
        assert opened.execute_script("return innerWidth") == 390
        assert opened.execute_script("return document.documentElement.scrollWidth") <= 390
        assert not opened.find_elements("css selector", "#plane-drawing .legend .traces")
        row = opened.find_element("css selector", "#rows tbody tr")
        assert row.rect["width"] < 390  # a card, not a line of a wide table
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_on_paper_the_plane_is_the_picture(opened):
    picture = opened.find_element("id", "plane-static")
    assert not picture.is_displayed()
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert picture.is_displayed()
        assert not opened.find_element("id", "plane-drawing").is_displayed()
        assert not opened.find_element("id", "filter-words").is_displayed()
    finally:
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_without_javascript_everything_is_readable(browser, page):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page)
        assert browser.find_element("id", "plane-static").is_displayed()
        assert not browser.find_element("id", "filter-words").is_displayed()
        assert len(browser.find_elements("css selector", "#rows tbody tr")) == 3
        assert "picture" in browser.find_element("css selector", "#plane noscript").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
