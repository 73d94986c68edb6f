"""Layers that ncnn refuses with "param is too old, please regenerate!": their meaning changed, and a flag says since.

ncnn first took the axis of Softmax wrongly on three dimensions, and the axes of Reduction with a batch dimension; files
that are right since then carry a flag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_quant.nets.ncnn.files.param import Layer

_FLAG_BY_TYPE = {"Reduction": 5, "Softmax": 1}
FLAGGED = _FLAG_BY_TYPE.keys()
"""The types that have such a flag."""


def why_too_old(layer: Layer) -> str | None:
    """Why ncnn refuses the layer as too old; None where it does not."""
    flag = _FLAG_BY_TYPE.get(layer.type)
    axes = "" if flag is None or layer.params.get(flag, 0) != 0 else _axes(layer)
    if not axes:
        return None
    return f"it has {axes} and lacks {flag}=1, so ncnn refuses the file as too old: convert the model again"


def _axes(layer: Layer) -> str:
    if layer.type == "Softmax":
        axis = layer.params.get(0, 0)
        return f"an axis (0={axis})" if axis != 0 else ""
    axes = layer.params.get(3, ())
    return f"axes (-23303={len(axes)},{','.join(map(str, axes))})" if isinstance(axes, tuple) and axes else ""
