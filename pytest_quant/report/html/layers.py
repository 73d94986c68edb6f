"""The layers of a model by what each loses: int8 and float layers told apart, in the order of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_quant.report.html.svg import FAINT, FP32, INT8, Margins, as_svg, figure
from pytest_quant.report.model import DiagnosisEntry, LayerEntry

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH_PX, _HEIGHT_PX = 760, 260
_NAMED = 4
"""How many of the worst layers are named in the plot; the table below it has more."""
_NAME_CHARS = 18
"""Of a longer name the end is shown."""
_CEILING_DB = 80.0
"""Equal to the eye: what agrees better, or to the bit, is drawn here."""


def layer_plot(diagnosis: DiagnosisEntry) -> str:
    """An ``svg`` element."""
    layers = diagnosis.layers
    with figure(_WIDTH_PX, _HEIGHT_PX, Margins()) as (drawn, axes):
        axes.grid(axis="y")
        axes.plot(range(len(layers)), [_accumulated(layer) for layer in layers], color=FAINT, linewidth=1.5, zorder=1)
        for color, name, quantized in ((INT8, "int8 layer alone", True), (FP32, "float layer", False)):
            chosen = [(place, layer) for place, layer in enumerate(layers) if layer.quantized is quantized]
            heights = [_own(layer) for _, layer in chosen]
            axes.scatter([place for place, _ in chosen], heights, s=18, color=color, label=name, zorder=2)
        places = {layer.layer: place for place, layer in enumerate(layers)}
        _name_all(axes, {places[layer.layer]: layer for layer in diagnosis.worst_layers(_NAMED)}, len(layers))
        axes.set_ylim(0, _CEILING_DB + 4)
        axes.set_ylabel("SQNR against fp32, dB")
        axes.locator_params(axis="x", integer=True)
        axes.set_xlabel("layers in the order of the file; line: the net up to the layer")
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
        return as_svg(drawn, "Signal to noise ratio of every layer against the float net")


def _name_all(axes: Axes, layers: Mapping[int, LayerEntry], count: int) -> None:
    """Each name below its point, or higher than that where another one, or the edge of the plot, is in the way."""
    taken: list[tuple[float, float]] = []
    for place, layer in sorted(layers.items()):
        x_px, y_px = place / max(count - 1, 1) * _INNER_PX, _own(layer) * _DB_PX
        rises = [rise for rise in _RISES_PX if y_px + rise >= 0 and _is_free((x_px, y_px + rise), taken)]
        rise = rises[0] if rises else _RISES_PX[-1]
        taken.append((x_px, y_px + rise))
        _name(axes, layer, place, rise, count)


_RISES_PX = (-14.0, 7.0, 20.0, 33.0, 46.0)
_LEADER = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.8}
"""From a name that stands apart to its point."""
_INNER_PX, _DB_PX = _WIDTH_PX - 72, (_HEIGHT_PX - 70) / (_CEILING_DB + 4)
"""Width of what is within the axes, and height of a dB there."""


def _is_free(at_px: tuple[float, float], taken: Sequence[tuple[float, float]]) -> bool:
    return all(abs(at_px[0] - x) > 110 or abs(at_px[1] - y) > 12 for x, y in taken)


def _name(axes: Axes, layer: LayerEntry, place: int, rise_px: float, count: int) -> None:
    name = layer.layer if len(layer.layer) <= _NAME_CHARS else f"\N{HORIZONTAL ELLIPSIS}{layer.layer[-_NAME_CHARS:]}"
    side = "left" if place < 0.15 * count else "right" if place > 0.85 * count else "center"
    axes.annotate(name, (place, _own(layer)), (0, rise_px), textcoords="offset points", ha=side, fontsize=11,
                  parse_math=False, arrowprops=_LEADER if rise_px > _RISES_PX[1] else None)  # fmt: skip


def _own(layer: LayerEntry) -> float:
    return _shown(layer.own.sqnr_db)


def _accumulated(layer: LayerEntry) -> float:
    return _shown(layer.accumulated.sqnr_db)


def _shown(sqnr_db: float | None) -> float:
    return _CEILING_DB if sqnr_db is None else min(max(sqnr_db, 0.0), _CEILING_DB)
