"""``--quant-report report.html``: from evaluated samples to a page."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from pytest_quant.run.illustrations import Illustrations
from tests import tiny
from tests.integration.runs import run_quant

REPORT = "report.html"


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path, 40)
    models = {"tiny": tiny.model_entry(pytester.path), "bad": tiny.write_bad_model(pytester.path)}
    tiny.write_zoo(pytester.path, models)
    return pytester.path


def changes(folder: Path) -> Counter[str]:
    """How many pictures of each kind the page has."""
    return Counter(re.findall(r'<figure class="picture (\w+)', (folder / REPORT).read_text(encoding="utf-8")))


def test_the_page_shows_flips(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester, "--quant-report", REPORT, "--quant-report", "report.md")
    assert f"written: {folder / REPORT}" in run.text
    assert run.report is not None
    flips = run.report["models"]["bad"]["flips"]
    assert flips["only_fp32_right"] > 2
    assert changes(folder)["lost"] == min(flips["only_fp32_right"], 24 - min(6, flips["only_int8_right"]))
    assert changes(folder)["same"] == 4 - min(4, sum(list(run.report["models"]["tiny"]["flips"].values())[:2]))
    page = (folder / REPORT).read_text(encoding="utf-8")
    assert re.search(r"<dt>int8</dt><dd>class \d 0\.\d+, class \d 0\.\d+</dd>", page)
    assert "pytest --quant zoo.quant.yaml::bad" in page
    assert '<span class="whole">drop &lt;= 5.00</span>' in page
    assert "image/webp" not in json_text(folder)
    assert re.search(r'aria-label="Input of conv: \d+(\.\d+)? % beyond the threshold"', page)


def json_text(folder: Path) -> str:
    return (folder / "report.json").read_text(encoding="utf-8")


def test_how_many_pictures_a_model_has_is_an_ini_option(pytester: pytest.Pytester, folder: Path) -> None:
    run_quant(pytester, "--quant-report", REPORT, "-o", "quant_report_pictures=3")
    assert changes(folder).total() == 6
    run_quant(pytester, "--quant-report", REPORT, "-o", "quant_report_pictures=0")
    assert changes(folder).total() == 0
    assert "data:image" not in (folder / REPORT).read_text(encoding="utf-8")


def test_without_a_page_nothing_is_drawn(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[object] = []
    monkeypatch.setattr(Illustrations, "draw", lambda *args: drawn.append(args))
    assert run_quant(pytester).status == 1
    assert drawn == []
    run_quant(pytester, "--quant-report", REPORT)
    assert len(drawn) > 0


def test_workers_of_xdist_draw_for_the_process_that_reports(pytester: pytest.Pytester, folder: Path) -> None:
    run_quant(pytester, "--quant-report", REPORT)
    serial = changes(folder)
    (folder / REPORT).unlink()
    pytester.runpytest_subprocess("--quant", "-n", "2", "-p", "no:hypothesispytest", "--quant-report", REPORT)
    assert changes(folder) == serial
    assert serial.total() > 5


def test_an_early_stop_is_shown_as_it_came_about(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester, "--quant-report", REPORT, "--quant-early-stop")
    assert run.report is not None
    samples = run.report["models"]["bad"]["samples"]
    assert samples["stopped_early"]
    assert samples["evaluated"] < samples["total"] == 40
    bad = (folder / REPORT).read_text(encoding="utf-8").partition('id="model-bad"')[2].partition("</details>\n")[0]
    assert 0 < len(set(re.findall(r"<code>(images/\d+\.png)</code>", bad))) <= samples["evaluated"]
    assert 'aria-label="Early stop: the drop of top1 and its bounds"' in bad
