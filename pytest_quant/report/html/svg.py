"""Figures as SVG that follows the page: its colours, light and dark, and its fonts.

matplotlib was chosen over Vega-Altair and Plotly. Its figures are plain SVG (13 kB each), so that a page of 200 models
is small, prints, and needs no script to show them; the embedded runtimes are 0.9 MB (Vega, with a wheel of 88 MB that
makes it) and 4.8 MB (Plotly, the only form in its wheel), and draw only after they were parsed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, GOOD, BAD, TIGHT, FP32, INT8 = (f"#0000{index:02x}" for index in range(1, 8))
"""Stand-ins for the colours of the page: each becomes a CSS variable."""

_VARIABLES = {
    INK: "ink",
    FAINT: "faint",
    GOOD: "good",
    BAD: "bad",
    TIGHT: "tight",
    FP32: "fp32",
    INT8: "int8",
}
_DPI = 72
"""A point of a figure is a CSS pixel."""


_STYLE: dict[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), INK),
    **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 0),
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 12,
    "svg.hashsalt": "pytest-quant",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
}


@dataclass(frozen=True)
class Margins:
    """Room around a pair of axes, in pixels; matplotlib takes longer to find it out than to draw."""

    left: float = 56
    right: float = 16
    top: float = 26
    bottom: float = 44


@contextmanager
def figure(width_px: float, height_px: float, margins: Margins | None = None) -> Iterator[tuple[Figure, Axes]]:
    """A figure with one pair of axes, in the page's style; it never enters matplotlib's own state.

    ``margins``: None lets matplotlib find them, where labels may be of any length.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure as NewFigure

    size = (width_px / _DPI, height_px / _DPI)
    with mpl.rc_context(_STYLE):
        if margins is None:
            fresh = NewFigure(figsize=size, dpi=_DPI, layout="constrained")
        else:
            fresh = NewFigure(figsize=size, dpi=_DPI)
            fresh.subplots_adjust(
                left=margins.left / width_px,
                right=1 - margins.right / width_px,
                top=1 - margins.top / height_px,
                bottom=margins.bottom / height_px,
            )
        fresh.patch.set_visible(False)
        axes = fresh.add_subplot()
        axes.patch.set_visible(False)
        yield fresh, axes


def as_svg(drawn: Figure, title: str) -> str:
    """The figure as an ``svg`` element; ``title`` is what a screen reader says of it."""
    from markupsafe import escape

    out = io.StringIO()
    drawn.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = _own_ids(_compact(out.getvalue()))
    text = re.sub(r"#0000(0[1-7])", lambda found: f"var(--{_VARIABLES[found[0]]})", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)


def _compact(text: str) -> str:
    """What a page needs of a figure: a third of it. The page says which font, and nothing is drawn outside of the axes.

    >>> _compact('<?xml?><svg width="9pt" height="9pt" viewBox="0 0 9 9"><text style="font-family: A, B; fill: #fff" '
    ... 'x="1.23456">1.2345</text></svg>')
    '<svg viewBox="0 0 9 9"><text style="fill: #fff" x="1.2">1.2345</text></svg>'
    """
    text = text[text.index("<svg") :].strip()
    for unwanted in (_METADATA, _STYLES, _CLIPPING, _FONT, _GROUP_ID, _UPRIGHT):
        text = unwanted.sub("", text)
    text = re.sub(r' (width|height)="[^"]*"', "", text, count=2)
    text = re.sub(r"\s+", " ", text).replace("> <", "><")
    return re.sub(r"<[^>]*>", lambda tag: _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.1f}", tag[0]), text)


_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_STYLES = re.compile(r"<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_CLIPPING = re.compile(r' clip-path="[^"]*"|<defs>\s*<clipPath.*</clipPath>\s*</defs>', re.DOTALL)
_FONT = re.compile(r"font-family: [^;\"]*;? ?")
_GROUP_ID = re.compile(r'(?<=<g) id="[^"]*"')
_UPRIGHT = re.compile(r' transform="rotate\(-0 [^"]*"')
_LONG_NUMBER = re.compile(r"\d+\.\d\d+")


def _own_ids(text: str) -> str:
    """Ids that no other figure of a page has.

    >>> _own_ids('<path id="m1"/><use xlink:href="#m1"/>').count("-m1")
    2
    """
    own = sha256(text.encode()).hexdigest()[:8]
    return re.sub(r'(id="|href="#)', rf"\g<1>{own}-", text)
