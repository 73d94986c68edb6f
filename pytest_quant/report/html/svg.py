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


@contextmanager
def figure(width_px: float, height_px: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure with one pair of axes, in the page's style; it never enters matplotlib's own state."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as NewFigure

    style: dict[Any, Any] = {
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), INK),
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 12,
        "svg.hashsalt": "pytest-quant",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
    }
    with mpl.rc_context(style):
        fresh = NewFigure(figsize=(width_px / _DPI, height_px / _DPI), dpi=_DPI, layout="constrained")
        yield fresh, fresh.add_subplot()


def as_svg(drawn: Figure, title: str) -> str:
    """The figure as an ``svg`` element; ``title`` is what a screen reader says of it."""
    from markupsafe import escape

    out = io.StringIO()
    drawn.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = _own_ids(text)
    text = re.sub(r"#0000(0[1-7])", lambda found: f"var(--{_VARIABLES[found[0]]})", text)
    text = re.sub(r"font:([^;\"]*?)'[^;\"]*", r"font:\1inherit", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1))
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)


def _own_ids(text: str) -> str:
    """Ids that no other figure of a page has; groups need none.

    >>> _own_ids('<g id="axes_1"/><path id="m1"/><use xlink:href="#m1"/>').count("m1")
    2
    >>> _own_ids('<g id="axes_1"/>')
    '<g/>'
    """
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    own = sha256(text.encode()).hexdigest()[:8]
    return re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{own}-", text)
