"""Curves of both nets, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_quant.report.html.svg import BAD, FAINT, FP32, INK, INT8, Margins, as_svg, figure
from pytest_quant.report.model.illustration import CurveEntry

_WIDTH_PX, _HEIGHT_PX = 320, 230
_MARKED = 24
"""A line of so many points shows each of them."""
_COLORS = {"fp32": FP32, "int8": INT8, "limit": BAD, "upper bound": FAINT, "lower bound": FAINT}


def curve_plots(curves: Sequence[CurveEntry]) -> list[str]:
    """An ``svg`` element for each."""
    return [_plot(curve) for curve in curves]


def _plot(curve: CurveEntry) -> str:
    with figure(_WIDTH_PX, _HEIGHT_PX, Margins()) as (drawn, axes):
        axes.grid()
        for name, points in curve.lines.items():
            marker = "o" if len(points) <= _MARKED else ""
            places, heights = [x for x, _ in points], [y for _, y in points]
            axes.plot(places, heights, color=_COLORS.get(name, INK), label=name, linewidth=1.8, marker=marker, ms=4)
        if curve.mark is not None:
            axes.axvline(curve.mark, color=FAINT, linewidth=1.2, linestyle=(0, (4, 3)))
        if curve.is_counted:
            axes.locator_params(axis="x", integer=True)
        axes.set_title(curve.title, fontsize=11, parse_math=False)
        axes.set_xlabel(curve.x)
        axes.set_ylabel(curve.y)
        axes.legend(frameon=False)
        return as_svg(drawn, curve.title)
