"""A detector that takes milliseconds: coloured squares on black, one convolution, YOLOX's rows or ncnn's own.

Squares have the size and the places of cells, so that boxes are exact; its int8 net can be made bad by a wrong scale.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.tiny import BAD_SCALE, GOOD_SCALE, INT8_TAG

CLASSES = ("red", "green", "blue")
SIDE, CELL = 32, 8
"""Of an image, and of a square in it."""
ENTRY: dict[str, Any] = {
    "task": "object-detection",
    "dataset": "squares",
    "input": {"blob": "data", "size": [SIDE, SIDE], "mean": [0.0] * 3, "std": [255.0] * 3},
    "output": "rows",
    "postprocess": {"decoder": "yolox", "strides": [CELL], "activation": "none"},
    "tolerance": {"mAP": 0.05},
}
DATASET: dict[str, Any] = {"type": "coco-detection", "images": "squares", "annotations": "squares.json"}


def write_net(folder: Path, name: str, *, int8: bool = False, bottom_scale: float = GOOD_SCALE) -> dict[str, str]:
    """A convolution of the size of a cell: box in its middle and as large, objectness 1, classes by mean colour."""
    outputs = 5 + len(CLASSES)
    weights = np.zeros((outputs, 3, CELL, CELL), np.float32)
    for place in range(len(CLASSES)):
        weights[5 + place] = -0.5 / CELL**2
        weights[5 + place, place] = 1 / CELL**2
    weights[:5] += 1e-6  # a channel of zeros has no scale
    bias = np.array([0.5, 0.5, 0, 0, 1, 0, 0, 0], np.float32)
    lines = [
        "7767517",
        "3 3",
        "Input            data    0 1 data",
        f"Convolution      conv    1 1 data conv 0={outputs} 1={CELL} 3={CELL} 5=1 6={weights.size}"
        + (" 8=2" if int8 else ""),
        f"Reshape          rows    1 1 conv rows 0={(SIDE // CELL) ** 2} 1={outputs}",
    ]
    (folder / f"{name}.param").write_text("\n".join(lines) + "\n")
    write_weights(folder / f"{name}.bin", weights.reshape(outputs, -1), bias, bottom_scale if int8 else None)
    return {"param": f"{name}.param", "bin": f"{name}.bin"}


def write_dataset(folder: Path, images: int = 30, seed: int = 0) -> None:
    """``squares/`` and ``squares.json``: up to three squares an image, some annotated as another class, one crowd."""
    rng = np.random.default_rng(seed)
    (folder / "squares").mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for image in range(images):
        pixels = rng.integers(0, 25, (SIDE, SIDE, 3)).astype(np.uint8)
        cells = rng.permutation((SIDE // CELL) ** 2)[: rng.integers(0, 4)]
        for cell in cells.tolist():
            left, top, label = CELL * (cell % 4), CELL * (cell // 4), int(rng.integers(len(CLASSES)))
            pixels[top : top + CELL, left : left + CELL, 2 - label] = rng.integers(90, 256)
            seen = int(rng.integers(len(CLASSES))) if rng.random() < 0.2 else label
            rows.append(
                {
                    "id": len(rows), "image_id": image, "category_id": 10 * (seen + 1), "area": float(CELL**2),
                    "bbox": [left, top, CELL, CELL], "iscrowd": int(len(rows) == 5),
                }
            )  # fmt: skip
        cv2.imwrite(str(folder / "squares" / f"{image}.png"), pixels)
    content = {
        "images": [{"id": i, "file_name": f"{i}.png", "width": SIDE, "height": SIDE} for i in range(images)],
        "categories": [{"id": 10 * (place + 1), "name": name} for place, name in enumerate(CLASSES)],
        "annotations": rows,
    }
    (folder / "squares.json").write_text(json.dumps(content))


def model_entry(folder: Path, name: str = "squares", *, bad: bool = False, **changes: Any) -> dict[str, Any]:
    """Write the nets of a model and give its zoo entry; ``changes`` replace keys, or drop them when None."""
    scale = BAD_SCALE if bad else GOOD_SCALE
    nets = {"fp32": write_net(folder, name), "int8": write_net(folder, f"{name}-int8", int8=True, bottom_scale=scale)}
    return {key: value for key, value in {**ENTRY, **nets, **changes}.items() if value is not None}


def write_rows_net(folder: Path, name: str, *, int8: bool = False) -> dict[str, str]:
    """A net that decodes itself: darknet's last layer over one convolution, one box of a cell, a class by mean colour.

    Where nothing is bright it finds nothing, and leaves an empty blob.
    """
    outputs = 5 + len(CLASSES)
    weights = np.full((outputs, 3, CELL, CELL), 1e-6, np.float32)
    weights[4:] = 20 / CELL**2
    for place in range(len(CLASSES)):
        weights[5 + place] = -20 / CELL**2
        weights[5 + place, place] = 20 / CELL**2
    bias = np.array([0, 0, 0, 0, -5, 0, 0, 0], np.float32)
    lines = [
        "7767517",
        "3 3",
        "Input                  data  0 1 data",
        f"Convolution            conv  1 1 data conv 0={outputs} 1={CELL} 3={CELL} 5=1 6={weights.size}"
        + (" 8=2" if int8 else ""),
        f"Yolov3DetectionOutput  rows  1 1 conv rows 0={len(CLASSES)} 1=1 2=0.3 3=0.45 -23304=2,{CELL}.0,{CELL}.0 "
        f"-23305=1,0 -23306=1,{CELL}.0",
    ]
    (folder / f"{name}.param").write_text("\n".join(lines) + "\n")
    write_weights(folder / f"{name}.bin", weights.reshape(outputs, -1), bias, GOOD_SCALE if int8 else None)
    return {"param": f"{name}.param", "bin": f"{name}.bin"}


def write_weights(path: Path, weights: NDArray[np.float32], bias: NDArray[np.float32], scale: float | None) -> None:
    """The ``.bin`` of one convolution, with int8 weights where there is an activation scale."""
    if scale is None:
        path.write_bytes(struct.pack("<I", 0) + weights.tobytes() + bias.tobytes())
        return
    scales = (127 / np.abs(weights).max(axis=1)).astype(np.float32)
    data = struct.pack("<I", INT8_TAG) + np.round(weights * scales[:, None]).astype(np.int8).tobytes()
    path.write_bytes(data + bias.tobytes() + scales.tobytes() + struct.pack("<f", scale))


def write_stand_in(folder: Path, name: str, outputs: Sequence[str], *, int8: bool = False) -> None:
    """A net with the input blob ``in0`` and output blobs of these names: files that an entry can name."""
    term, last = " 8=2" if int8 else "", outputs[0] if len(outputs) == 1 else "conv"
    lines = ["Input  in0  0 1 in0", f"Convolution  conv  1 1 in0 {last} 0=8 1=1 5=1 6=24{term}"]
    if len(outputs) > 1:
        lines.append(f"Split  split  1 {len(outputs)} conv {' '.join(outputs)}")
    blobs = 1 + len(outputs) + (len(outputs) > 1)
    (folder / f"{name}.param").write_text("\n".join(["7767517", f"{len(lines)} {blobs}", *lines]) + "\n")
    weights = np.ones((8, 3), np.float32)
    write_weights(folder / f"{name}.bin", weights, np.zeros(8, np.float32), GOOD_SCALE if int8 else None)
