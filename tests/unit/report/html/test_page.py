from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.report.html.budget import within_budget
from pytest_quant.report.html.headline import headline
from pytest_quant.report.html.page import page_view
from pytest_quant.report.html.write import html, write_html
from tests.unit.metrics import METRICS
from tests.unit.report.html.pages import MARKUP, diagnosis, page_report, picture, report_of_many
from tests.unit.reports import record, report_of

LIMIT = Tolerance(METRICS["top1"], 1.0)


class Texts(HTMLParser):
    """What a browser shows as text, and the tags it finds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page() -> Texts:
    return Texts(html(page_report()))


def test_names_stay_text(page: Texts) -> None:
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert sum(MARKUP in text for text in page.texts) > 10
    assert len(page.named("script")) == 1


def test_the_page_needs_nothing_else(page: Texts) -> None:
    sources = [one["src"] for one in page.named("img")]
    assert sources
    assert all(str(source).startswith("data:image/") for source in sources)
    assert page.named("link") == [{"rel": "icon", "href": "data:,"}]
    assert not re.search(r"url\((?!#)|@import|https?://(?!www\.w3\.org)", html(page_report()))


def test_what_is_broken_stands_at_the_top_with_its_layer(page: Texts) -> None:
    first = page.texts[: page.texts.index("All models")]
    text = " ".join("".join(first).split())
    assert "broken FAIL drop = 80.00 - 78.00 = 2.00 points > 1.00; it comes from conv0_" in text
    assert "(80 % of the noise)" in text
    assert "fine" not in text.partition("1 FAIL")[2]


def test_what_is_broken_goes_before_what_is_undecided() -> None:
    names = [f"a{number}" for number in range(9)]
    undecided = [record(LIMIT, "inconclusive", "failed", name) for name in names]
    known = [*undecided, record(LIMIT, "fail", "xfailed", "aa"), record(LIMIT, "fail", "failed", "b")]
    view = page_view(report_of(*known, models={}))
    assert [line.model for line in view.headlines] == ["b", *names, "aa"]
    unfolded = [model.name for model in view.models if model.is_open]
    assert unfolded == [*names[:5], "b"]  # in the order of the table


def test_nothing_is_blamed_for_a_drop_that_is_undecided() -> None:
    entry = page_report().models["broken"]
    found = headline("broken", entry, [record(LIMIT, "inconclusive", "failed", "broken")])
    assert found is not None
    assert found.layers == ()


def test_where_the_shares_are_not_known_the_noisiest_layers_are_named() -> None:
    report = page_report()
    known = diagnosis()
    layers = tuple(layer.model_copy(update={"output": None}) for layer in known.layers)
    entry = report.models["broken"].model_copy(update={"diagnosis": known.model_copy(update={"layers": layers})})
    cases = [case for case in report.cases if case.model == "broken"]
    found = headline("broken", entry, cases)
    assert found is not None
    assert found.layers[1:] == ("conv2 (12.0 dB alone)", "conv4 (14.0 dB alone)")


def test_each_model_has_its_pictures_and_curves(page: Texts) -> None:
    pictures = page.named("figure")
    assert [one["class"] for one in pictures] == ["picture lost wide"] + ["picture lost"] * 3
    assert len(page.named("polygon")) == 3 * 3
    assert len(page.named("circle")) == 3 * 3 * 3
    titles = [one["aria-label"] for one in page.named("svg") if one.get("role") == "img"]
    assert titles[1:] == [f"$hmean$ {MARKUP}", "Signal to noise ratio of every layer against the float net"]
    assert "No pictures: no such file" in "".join(page.texts)


def test_the_classes_that_lose_most_are_a_table(page: Texts) -> None:
    text = " ".join("".join(page.texts).split())
    start = text.index("Classes that lose most, top1")
    assert text[start:].startswith(f"Classes that lose most, top1 classsamplesfp32int8drop {MARKUP}4080.0060.0020.00 ")


def test_colours_are_those_of_the_page() -> None:
    text = html(page_report())
    assert "var(--int8)" in text
    assert "#00000" not in text


def test_a_report_without_pictures_is_a_page_too(tmp_path: Path) -> None:
    write_html(report_of(), tmp_path / "new" / "r.html")
    assert "All models" in (tmp_path / "new" / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("count", "is_late"), [(30, False), (31, True)])
def test_a_page_of_very_many_models_makes_them_when_they_are_unfolded(count: int, is_late: bool) -> None:
    text = html(report_of_many(count))
    assert text.count("<figure") == count
    assert len(Texts(text).named("figure")) == (0 if is_late else count)
    assert text.count('<script type="text/html"') == text.count("</script>") - 1 == (count if is_late else 0)


def test_pictures_have_a_budget() -> None:
    each_kb = picture().kilobytes
    pictures = {name: [picture(number) for number in range(4)] for name in ("a", "b", "c")}
    assert all(len(found) == 4 for found in within_budget(pictures, []).values())
    some = within_budget(pictures, ["c"], budget_kb=8.5 * each_kb)
    assert {name: len(found) for name, found in some.items()} == {"c": 4, "a": 2, "b": 2}
    few = within_budget(pictures, ["c"], budget_kb=3.5 * each_kb)
    assert {name: len(found) for name, found in few.items()} == {"c": 3, "a": 0, "b": 0}
    report = page_report()
    assert [model.pictures_left_out for model in page_view(report).models] == [0, 0, 0]


def test_the_json_has_nothing_of_the_pictures() -> None:
    assert "illustrations" not in page_report().as_json()
