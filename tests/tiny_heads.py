"""Detectors of one convolution a head for every decoder: the squares of `tests.tiny_detector`, found exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.tiny import GOOD_SCALE
from tests.tiny_detector import CELL, CLASSES, SIDE, write_weights

Array = NDArray[np.float32]
_CELLS = (SIDE // CELL) ** 2


def _classes(background: bool = False, slope: float = 40.0) -> tuple[Array, Array]:
    """Logits of the classes by mean colour, and of a background that is always 0."""
    weights = np.full((len(CLASSES) + background, 3, CELL, CELL), 1e-6, np.float32)
    for place in range(len(CLASSES)):
        weights[place] = -slope / 2 / CELL**2
        weights[place, place] = slope / CELL**2
    return weights, np.array([-6.0] * len(CLASSES) + [0.0] * background, np.float32)


def _fixed(values: Sequence[float]) -> tuple[Array, Array]:
    """Channels that say the same of every cell."""
    return np.full((len(values), 3, CELL, CELL), 1e-6, np.float32), np.array(values, np.float32)


def _joined(*parts: tuple[Array, Array]) -> tuple[Array, Array]:
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _bins(count: int, *sides: Sequence[int]) -> tuple[Array, Array]:
    """Logits of a distribution for each side, its weight in these bins."""
    values = np.full((4, count), -20.0)
    for side, places in enumerate(sides):
        values[side, list(places)] = 20.0
    return _fixed(values.ravel().tolist())


ONE: dict[str, Any] = {"strides": [CELL]}
HEADS: Mapping[str, tuple[dict[str, Any], Sequence[tuple[Array, Array]], bool]] = {
    "fcos": (ONE | {"decoder": "points", "profile": "fcos"}, [_classes(), _fixed([CELL / 2] * 4)], False),
    "fcos-faint": (ONE | {"decoder": "points"}, [_classes(slope=10.0), _fixed([CELL / 2] * 4)], False),
    "fcos-centerness": (
        ONE | {"decoder": "points", "norm_on_bbox": True}, [_classes(), _fixed([0.5] * 4), _fixed([9.0])], False,
    ),
    "retinanet": (
        ONE
        | {"decoder": "anchor", "profile": "retinanet"}
        | {"octave_base_scale": 1.0, "scales_per_octave": 1, "ratios": [1.0]},
        [_classes(), _fixed([0.5, 0.5, 0, 0])], False,
    ),
    "ssd300": (
        ONE | {"decoder": "anchor", "profile": "ssd300", "min_sizes": [8.0], "max_sizes": [9.0], "ratios": [[2.0]]},
        [_joined(*[_classes(background=True)] * 4), _joined(*[_fixed([0.0] * 4)] * 4)], False,
    ),
    "ssdlite320": (
        ONE | {"decoder": "anchor", "profile": "ssdlite320", "min_sizes": [8.0], "max_sizes": [9.0], "ratios": [[2.0]]},
        [_joined(*[_classes(background=True)] * 4), _joined(*[_fixed([0.0] * 4)] * 4)], False,
    ),
    "yolov3": (
        ONE | {"decoder": "anchor", "profile": "yolov3", "base_sizes": [[[8.0, 8.0]]]},
        [_joined(_fixed([0, 0, 0, 0, 9.0]), _classes())], False,
    ),
    "nanodet-plus": (
        ONE | {"decoder": "dfl", "profile": "nanodet-plus"}, [_joined(_classes(), _bins(8, [0], [0], [1], [1]))], True,
    ),
    "yolov8": (
        ONE | {"decoder": "dfl", "profile": "yolov8"}, [_joined(_bins(16, *[[0, 1]] * 4), _classes())], True,
    ),
}  # fmt: skip
"""Decoder or profile to ``postprocess``, the heads in the order of its outputs, and whether they are rows."""


def write_heads(folder: Path, name: str, kind: str, *, int8: bool) -> dict[str, str]:
    """Write the net of a kind; gives its entry."""
    _, heads, rows = HEADS[kind]
    blobs = outputs_of(kind)
    sources = ["seen"] if len(heads) == 1 else [f"copy{place}" for place in range(len(heads))]
    lines = ["Input  data  0 1 data", "Clip  seen  1 1 data seen 0=0.0 1=1.0"]  # another scale of input is no help
    if len(heads) > 1:
        lines.append(f"Split  copies  1 {len(heads)} seen {' '.join(sources)}")
    for blob, source, (weights, _) in zip(blobs, sources, heads, strict=True):
        top = f"{blob}_map" if rows else blob
        term = " 8=2" if int8 else ""
        lines.append(
            f"Convolution  {top}  1 1 {source} {top} 0={len(weights)} 1={CELL} 3={CELL} 5=1 6={weights.size}{term}"
        )
        if rows:
            lines.append(f"Reshape  {blob}  1 1 {top} {blob} 0={_CELLS} 1={len(weights)}")
    count = 2 + (len(heads) if len(heads) > 1 else 0) + len(heads) * (1 + rows)
    (folder / f"{name}.param").write_text("\n".join(["7767517", f"{len(lines)} {count}", *lines]) + "\n")
    parts = []
    for weights, bias in heads:
        write_weights(folder / "part.bin", weights.reshape(len(weights), -1), bias, GOOD_SCALE if int8 else None)
        parts.append((folder / "part.bin").read_bytes())
    (folder / f"{name}.bin").write_bytes(b"".join(parts))
    return {"param": f"{name}.param", "bin": f"{name}.bin"}


def outputs_of(kind: str) -> list[str]:
    """The names of the output blobs."""
    return [f"out{place}" for place in range(len(HEADS[kind][1]))]


def heads_entry(folder: Path, kind: str, **postprocess: Any) -> dict[str, Any]:
    """Write both nets of a kind and give what `tests.tiny_detector.model_entry` takes as changes."""
    return {
        "fp32": write_heads(folder, kind, kind, int8=False),
        "int8": write_heads(folder, f"{kind}-int8", kind, int8=True),
        "output": outputs_of(kind),
        "postprocess": HEADS[kind][0] | postprocess,
        "tolerance": {"mAP": 0.05},
    }
