"""A zoo that takes milliseconds: a net of one convolution that names the strongest colour of an 8x8 image.

Its dataset has wrong labels on purpose, so that accuracy lies between chance and 100 %; its int8 net is close to
lossless, and can be made bad by a wrong activation scale.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

CLASSES = 4
SIDE = 8
INT8_TAG = 0x000D4B38
GOOD_SCALE = 127.0
BAD_SCALE = 4000.0
"""Saturates every input, so that only signs are left of it."""

_WEIGHTS = np.array([[2, -1, -1], [-1, 2, -1], [-1, -1, 2], [0.1, 0.1, 0.1]], np.float32)
_BIAS = np.array([0, 0, 0, 0.4], np.float32)


def write_net(
    folder: Path, name: str, *, int8: bool = False, bottom_scale: float = GOOD_SCALE, channels: int = 3
) -> dict[str, str]:
    """Write ``name.param`` and ``name.bin``; gives the entry of a zoo file."""
    weights = np.resize(_WEIGHTS, (CLASSES, channels)).astype(np.float32)
    term = " 8=2" if int8 else ""
    lines = [
        "7767517",
        "4 4",
        "Input            data  0 1 data",
        f"Convolution      conv  1 1 data conv 0={CLASSES} 1=1 5=1 6={weights.size}{term}",
        "Pooling          pool  1 1 conv pool 0=1 4=1",
        "Softmax          prob  1 1 pool prob",
    ]
    (folder / f"{name}.param").write_text("\n".join(lines) + "\n")
    if int8:
        scales = (127 / np.abs(weights).max(axis=1)).astype(np.float32)
        quantized = np.round(weights * scales[:, None]).astype(np.int8).tobytes()
        data = struct.pack("<I", INT8_TAG) + quantized + b"\0" * (-len(quantized) % 4) + _BIAS.tobytes()
        data += scales.tobytes() + struct.pack("<f", bottom_scale)
    else:
        data = struct.pack("<I", 0) + weights.tobytes() + _BIAS.tobytes()
    (folder / f"{name}.bin").write_bytes(data)
    return {"param": f"{name}.param", "bin": f"{name}.bin"}


def write_images(folder: Path, count: int = 60, seed: int = 0, wrong: float = 0.2) -> None:
    """Write ``images/`` and ``list.txt`` with ``count`` images, a share ``wrong`` of them labelled at random."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for index in range(count):
        color = rng.integers(40, 216, 3)
        pixels = np.clip(color + rng.normal(0, 12, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
        strongest = int(np.argmax(_WEIGHTS @ ((color - 127.5) / 127.5) + _BIAS))
        label = int(rng.integers(CLASSES)) if rng.random() < wrong else strongest
        cv2.imwrite(str(folder / "images" / f"{index:03d}.png"), pixels[:, :, ::-1])
        lines.append(f"images/{index:03d}.png {label}")
    (folder / "list.txt").write_text("\n".join(lines) + "\n")


def write_flat_image(path: Path, color: tuple[int, int, int]) -> None:
    """Write an image of one colour, red first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((SIDE, SIDE, 3), color[::-1], np.uint8))


def model_entry(folder: Path, name: str = "tiny", **changes: Any) -> dict[str, Any]:
    """Write the nets of a model and give its zoo entry; ``changes`` replace keys, or drop them when None."""
    entry: dict[str, Any] = {
        "task": "classification",
        "dataset": "colours",
        "fp32": write_net(folder, name),
        "int8": write_net(folder, f"{name}-int8", int8=True),
        "input": {"blob": "data", "size": [SIDE, SIDE], "mean": [127.5] * 3, "std": [127.5] * 3},
        "output": "prob",
        "tolerance": {"top1": 5.0},
    }
    entry.update(changes)
    return {key: value for key, value in entry.items() if value is not None}


def write_zoo(
    folder: Path, models: Mapping[str, Any] | None = None, *, name: str = "zoo.quant.yaml", **head: Any
) -> Path:
    """Write a zoo file over the dataset of `write_images`; without ``models`` one model `tiny`."""
    content: dict[str, Any] = {
        "version": 1,
        "datasets": {"colours": {"type": "image-list", "root": ".", "list": "list.txt"}},
        "models": dict(models) if models is not None else {"tiny": model_entry(folder)},
    }
    content.update(head)
    path = folder / name
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def write_bad_model(folder: Path, name: str = "bad", **changes: Any) -> dict[str, Any]:
    """A model whose int8 net really is worse: its activation scale is wrong."""
    entry = model_entry(folder, name, **changes)
    entry["int8"] = write_net(folder, f"{name}-int8", int8=True, bottom_scale=BAD_SCALE)
    return entry
