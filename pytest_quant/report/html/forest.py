"""The forest plot: every drop with its interval, as a share of what is allowed, so that all rows have one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_quant.report.html.svg import BAD, FAINT, GOOD, INK, TIGHT, as_svg, figure

_ROW_PX = 20
_WIDTH_PX = 760
_SHARES = (-2.0, 3.0)
"""What is shown; what lies beyond is an arrow at the edge, with the number of the drop."""


@dataclass(frozen=True)
class ForestRow:
    """One drop, in the unit of its metric."""

    label: str
    drop: float
    low: float
    high: float
    allowed: float
    """The tolerance, above 0."""
    holds: bool | None
    """Whether the limit holds; None: undecided."""

    @property
    def color(self) -> str:
        """Broken, tight (the interval reaches the limit) or safe."""
        if self.holds is False:
            return BAD
        return TIGHT if self.holds is None or self.high > self.allowed else GOOD


def forest_plot(rows: Sequence[ForestRow]) -> str:
    """An ``svg`` element; empty without rows."""
    if not rows:
        return ""
    with figure(_WIDTH_PX, 56 + _ROW_PX * len(rows)) as (drawn, axes):
        axes.axvline(0, color=FAINT, linewidth=1)
        axes.axvline(1, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
        for place, row in enumerate(rows):
            _draw(axes, place, row)
        axes.set_xlim(*_SHARES)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.set_xticks(range(-2, 4), ["-2", "-1", "0", "limit", "2", "3"])
        axes.set_xlabel("drop fp32 - int8, as a multiple of the allowed drop")
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        return as_svg(drawn, "Drops of all models with their intervals, as multiples of the allowed drop")


def _draw(axes, place: int, row: ForestRow) -> None:  # type: ignore[no-untyped-def]
    low, middle, high = (value / row.allowed for value in (row.low, row.drop, row.high))
    left, right = (min(max(value, _SHARES[0]), _SHARES[1]) for value in (low, high))
    axes.plot([left, right], [place, place], color=row.color, linewidth=2, solid_capstyle="butt")
    for edge, marker, beyond in ((_SHARES[0], "<", low < _SHARES[0]), (_SHARES[1], ">", high > _SHARES[1])):
        if beyond:
            axes.plot([edge], [place], marker=marker, color=row.color, markersize=7, clip_on=False)
    if not _SHARES[0] <= middle <= _SHARES[1]:
        edge, side, offset = (_SHARES[1], "right", -8) if middle > 0 else (_SHARES[0], "left", 8)
        axes.annotate(f"{middle:.3g}", (edge, place), (offset, 0), textcoords="offset points", ha=side, va="center",
                      color=row.color, fontsize=11)  # fmt: skip
    if _SHARES[0] <= middle <= _SHARES[1]:
        axes.plot([middle], [place], marker="s", color=row.color, markersize=6)
