"""The HTML report in a real browser: Debian's Chromium, or Chrome, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_quant.history.file import KeptRun
from pytest_quant.history.trends import trends
from pytest_quant.report.html.write import write_html
from pytest_quant.report.model.illustration import IllustratedReport
from tests.unit.history.made import RESULT, RUN
from tests.unit.report.html.pages import MARKUP, page_report, report_of_many

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("neither chromium nor google-chrome is installed")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_html(page_report(), path)
    return path.as_uri()


class Visit:
    """A page that was opened, with what went wrong and what it asked for."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.page: Page = browser.new_page(**options)
        self.page.set_default_timeout(20_000)
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)

    def rows(self) -> list[str]:
        """The models of the table's rows that are shown."""
        return self.page.locator("#models tbody tr:visible td:first-child").all_inner_texts()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    opened = Visit(browser, address)
    yield opened
    opened.page.close()


def test_it_opens_without_errors_and_without_the_network(visit: Visit, address: str) -> None:
    visit.page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    pictures = visit.page.locator("img")
    assert pictures.count() == 3 + 4
    pictures.evaluate_all("(all) => Promise.all(all.map((one) => one.decode()))")
    assert pictures.evaluate_all("(all) => all.map((one) => one.naturalWidth)") == [160] * 7
    assert all(pictures.nth(index).is_visible() for index in range(7))
    assert [one for one in visit.requests if not one.startswith("data:")] == [address]
    assert visit.problems == []


def test_what_is_drawn_lies_on_its_picture(visit: Visit) -> None:
    """Also on a picture narrower than its card, which stands in the middle of it."""
    visit.page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    edges = """(all) => all.map((one) => ["img", "svg"].map((part) => {
        const {left, top, width, height} = one.querySelector(part).getBoundingClientRect();
        return [left, top, width, height].map(Math.round);
    }))"""
    pairs = visit.page.locator(".canvas:has(svg)").evaluate_all(edges)
    cards = visit.page.locator(".canvas:has(svg)").evaluate_all("(all) => all.map((one) => one.offsetWidth)")
    assert len(pairs) == 3
    assert all(picture == drawn for picture, drawn in pairs), pairs
    assert any(card > picture[2] for card, (picture, _) in zip(cards, pairs, strict=True)), "none is narrower"


def test_names_stay_text(visit: Visit) -> None:
    assert MARKUP in visit.rows()
    assert visit.page.locator("[onerror]").count() == 0
    visit.page.locator("#models a", has_text=MARKUP).click()
    model = visit.page.locator("details.model", has=visit.page.locator("h3", has_text=MARKUP))
    model.and_(visit.page.locator("details[open]")).wait_for()
    assert visit.problems == []


def test_the_table_sorts_and_filters(visit: Visit) -> None:
    head = visit.page.locator("#models th button", has_text="model")
    head.click()
    assert visit.rows() == [MARKUP, "broken", "fine"]
    head.click()
    assert visit.rows() == ["fine", "broken", MARKUP]
    assert visit.page.locator("#models th").first.get_attribute("aria-sort") == "descending"
    visit.page.fill("#filter", "BROK")
    assert visit.rows() == ["broken"]
    visit.page.fill("#filter", "")
    visit.page.check("#only-bad")
    assert visit.rows() == ["broken"]


def test_sides_are_switched_off_and_pictures_enlarged(visit: Visit) -> None:
    drawn = visit.page.locator("g.int8:visible")
    assert drawn.count() == 3
    visit.page.locator("#model-broken .toggles input[data-side=int8]").uncheck()
    assert drawn.count() == 0
    assert visit.page.locator("g.fp32:visible").count() == 3
    picture = visit.page.locator("#model-broken figure").first
    width = picture.evaluate("(one) => one.offsetWidth")
    picture.locator(".canvas").click()
    assert picture.evaluate("(one) => one.offsetWidth") > width + 100


def test_models_of_a_long_page_are_made_when_they_are_unfolded(browser: Browser, tmp_path: Path) -> None:
    write_html(report_of_many(31), tmp_path / "long.html")
    visit = Visit(browser, (tmp_path / "long.html").as_uri())
    assert visit.page.locator("figure").count() == 0
    visit.page.locator("summary", has_text="model-07").click()
    visit.page.locator("figure img").wait_for()
    assert visit.page.locator("figcaption code").all_inner_texts() == [f"model-07 {MARKUP}"]
    visit.page.locator("#model-model-07 .toggles input[data-side=fp32]").uncheck()
    assert visit.page.locator("g.fp32:visible").count() == 0
    visit.page.locator("#models a", has_text="model-11").click()
    visit.page.locator("figure img").nth(1).wait_for()
    assert not visit.page.locator("#model-model-11 .toggles input[data-side=fp32]").is_checked()
    assert visit.problems == []
    visit.page.close()


def test_the_trend_of_a_history_is_drawn(browser: Browser, tmp_path: Path) -> None:
    """Fourteen runs, of which one was broken and the last one is again: what lies lowest, and where."""
    runs = history_of(*[95.5] * 7, 40.0, *[95.5] * 5, 41.0)
    report = IllustratedReport.of(page_report(), list(trends(runs, {"fine"})))
    write_html(report, tmp_path / "history.html")
    visit = Visit(browser, (tmp_path / "history.html").as_uri())
    visit.page.locator("#models a", has_text="fine").click()
    figure = visit.page.locator("#model-fine svg[aria-label='top1 over 14 runs']")
    figure.scroll_into_view_if_needed()
    assert figure.is_visible()
    texts = figure.locator("text").all_text_contents()
    assert {"fp32", "int8", "run; 0 is this one", "top1 %"} <= set(texts)
    ticks = [text.replace("\N{MINUS SIGN}", "-") for text in texts]
    assert "-10" in ticks
    assert not any(tick.startswith("-") and "." in tick for tick in ticks), "there is no half a run"
    points = figure.locator("use").evaluate_all(
        "all => all.map((one) => { const box = one.getBoundingClientRect(); return [box.x, box.y, "
        "getComputedStyle(one).fill, getComputedStyle(one).stroke]; })"
    )
    drawn = {tuple(one[2:]) for one in points}
    assert len(points) >= 28
    assert len(drawn) >= 2, "both nets have a colour of their own"
    lowest = sorted(points, key=lambda point: -point[1])[:2]
    assert max(point[0] for point in points) == pytest.approx(max(point[0] for point in lowest), abs=2)
    assert visit.problems == []
    visit.page.close()


def history_of(*int8: float) -> list[KeptRun]:
    """Runs of one model, whose fp32 net stays as it is."""
    found = (replace(RESULT, model="fine", fp32=96.0, int8=value) for value in int8)
    return [KeptRun(number, RUN, (result,)) for number, result in enumerate(found, 1)]


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"viewport": {"width": 380, "height": 800}}])
def test_it_suits_the_dark_and_a_phone(browser: Browser, address: str, options: dict[str, Any]) -> None:
    page = Visit(browser, address, **options).page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "only tables scroll sideways"
    colors = page.evaluate("['backgroundColor', 'color'].map((name) => getComputedStyle(document.body)[name])")
    paper, ink = (sum(map(int, color[4:-1].split(","))) for color in colors)
    assert (paper < ink) is (options.get("color_scheme") == "dark")
    page.close()
