"""A plot in plain characters: fp32 and another net over the runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.history.series import Series

_HEIGHT = 8
_MOST = 60
"""Runs, one column each; the last ones where there are more."""


def plot_lines(series: Series) -> Iterator[str]:
    """The lines of the plot; none where less than two runs have numbers."""
    results = [point.result for point in series.points if point.result.int8 is not None][-_MOST:]
    if len(results) < 2:
        return
    number = results[-1].of_metric.number
    int8 = [result.int8 for result in results if result.int8 is not None]
    fp32 = [result.fp32 for result in results]
    values = [value for value in (*int8, *fp32) if value is not None]
    low, high = min(values), max(values)
    rows = _grid(fp32, int8, low, high)
    labels = {0: number(high), len(rows) - 1: number(low)}
    width = max(map(len, labels.values()))
    for place, row in enumerate(rows):
        yield f"{labels.get(place, ''):>{width}} |{row}"
    name = results[-1].net
    yield f"{'':>{width}}  {len(results)} runs, the last one right; o {name}, - fp32, * both"


def _grid(fp32: Sequence[float | None], int8: Sequence[float], low: float, high: float) -> list[str]:
    height = _HEIGHT if high > low else 1
    cells = [[" "] * len(int8) for _ in range(height)]

    def row(value: float) -> int:
        return 0 if height == 1 else round((high - value) / (high - low) * (height - 1))

    for column, value in enumerate(fp32):
        if value is not None:
            cells[row(value)][column] = "-"
    for column, other in enumerate(int8):
        cell = cells[row(other)]
        cell[column] = "*" if cell[column] == "-" else "o"
    return ["".join(line).rstrip() for line in cells]
