"""Rows of the table over the runs: what changed, the plot, the trend of a page."""

from __future__ import annotations

from dataclasses import replace

from pytest_quant.history.file import KeptRun
from pytest_quant.history.plot import plot_lines
from pytest_quant.history.series import series_of
from pytest_quant.history.trends import trends
from tests.unit.history.made import RESULT, RUN, UNMEASURED


def kept(number: int, int8: float, **changes: str) -> KeptRun:
    run = replace(RUN, environment={**RUN.environment, **changes})
    return KeptRun(number, run, (UNMEASURED, replace(RESULT, int8=int8)))


RUNS = [kept(1, 71.4), kept(2, 71.4, ncnn="1.1"), kept(3, 60.0, ncnn="1.1"), kept(4, 71.86, ncnn="1.1")]


def test_each_row_has_its_runs_and_what_changed() -> None:
    broken, resnet = series_of(RUNS)
    assert (broken.title, resnet.title) == ("broken", "resnet top1")
    assert [point.result.int8 for point in resnet.points] == [71.4, 71.4, 60.0, 71.86]
    assert [point.changed for point in resnet.points] == [(), ("ncnn 1.0 -> 1.1",), (), ()]


def test_other_files_and_samples_are_told() -> None:
    other = KeptRun(2, RUN, (replace(RESULT, files_sha256="g", samples_sha256="t"),))
    (found,) = series_of([KeptRun(1, RUN, (RESULT,)), other])
    assert found.points[1].changed == ("other files", "other samples")


def test_a_net_beside_int8_is_a_row_of_its_own() -> None:
    found = series_of([KeptRun(1, RUN, (RESULT, replace(RESULT, net="openvino")))])
    assert [one.title for one in found] == ["resnet top1", "resnet openvino top1"]


def test_the_plot() -> None:
    _, resnet = series_of(RUNS)
    assert list(plot_lines(resnet)) == [
        "71.86 |**-*",
        *["      |"] * 6,
        "60.00 |  o",
        "       4 runs, the last one right; o int8, - fp32, * both",
    ]


def test_one_run_and_numbers_that_are_all_equal() -> None:
    (alone,) = series_of([KeptRun(1, RUN, (RESULT,))])
    assert list(plot_lines(alone)) == []
    same = replace(RESULT, int8=71.86)
    (equal,) = series_of([KeptRun(number, RUN, (same,)) for number in (1, 2)])
    assert next(iter(plot_lines(equal))) == "71.86 |**"
    broken = series_of([KeptRun(number, RUN, (UNMEASURED,)) for number in (1, 2)])
    assert list(plot_lines(broken[0])) == []


def test_the_trend_of_a_page() -> None:
    (entry,) = trends(RUNS, {"resnet", "broken"})
    (curve,) = entry.curves
    assert curve.title == "top1 over 4 runs"
    assert curve.lines["int8"] == ((-3.0, 71.4), (-2.0, 71.4), (-1.0, 60.0), (0.0, 71.86))
    assert list(trends(RUNS, {"another"})) == []
    assert list(trends(RUNS[:1], {"resnet"})) == []
