"""The trend of each model for an HTML report: fp32 and the other net over the runs of a history."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from pytest_quant.history.file import KeptRun
from pytest_quant.history.series import Series, series_of
from pytest_quant.report.model.illustration import CurveEntry, IllustrationEntry

_MOST_RUNS = 100
"""The last ones; a curve of more is hard to read, and the file has them all."""


def trends(runs: Sequence[KeptRun], models: Collection[str]) -> Iterator[IllustrationEntry]:
    """One curve for each row of the table of some models that has two runs with numbers or more."""
    for series in series_of(runs):
        curve = _curve(series) if series.model in models else None
        if curve is not None:
            yield IllustrationEntry(model=series.model, curves=(curve,))


def _curve(series: Series) -> CurveEntry | None:
    points = [point for point in series.points if point.result.int8 is not None][-_MOST_RUNS:]
    if len(points) < 2:
        return None
    last = points[-1].result
    numbers = [(index - len(points) + 1, point.result) for index, point in enumerate(points)]
    lines = {
        "fp32": tuple((float(place), one.fp32) for place, one in numbers if one.fp32 is not None),
        last.net: tuple((float(place), one.int8) for place, one in numbers if one.int8 is not None),
    }
    net = "" if series.net == "int8" else f"{series.net}, "
    return CurveEntry(
        title=f"{net}{series.metric} over {len(points)} runs",
        x="run; 0 is this one",
        is_counted=True,
        y=f"{series.metric} {last.unit}" if last.unit not in (None, "fraction") else series.metric,
        lines={name: line for name, line in lines.items() if line},
    )
