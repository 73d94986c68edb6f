"""Nets of two inputs that are no images: features that a convolution reads, and token ids that are embedded.

As ncnn nets, as an ONNX graph, and as NumPy has them; their samples are `.npz` files.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

TAG = 0x000D4B38
WORDS, SIZE = 12, 6
STEPS = 5
CLASSES = 4
SCALE = 30.0
"""Of the convolution's input; values reach about 4."""

_rng = np.random.default_rng(7)
WEIGHTS = _rng.normal(0, 0.5, (SIZE, 3)).astype(np.float32)
BIAS = _rng.normal(0, 0.1, SIZE).astype(np.float32)
TABLE = _rng.normal(0, 1, (WORDS, SIZE)).astype(np.float32)
HEAD = _rng.normal(0, 0.5, (CLASSES, SIZE)).astype(np.float32)


def reference(features: NDArray[Any], ids: NDArray[Any]) -> NDArray[np.float64]:
    """The scores: mean over the image of a 1x1 convolution, plus the mean of the rows that the ids name, classified."""
    seen = np.einsum("oc,chw->o", WEIGHTS.astype(np.float64), features) / features[0].size + BIAS
    named = TABLE.astype(np.float64)[ids.reshape(-1)].mean(axis=0)
    return np.asarray((seen + named) @ HEAD.T.astype(np.float64))


def write_net(
    folder: Path, name: str, *, int8: bool = False, scale: float = SCALE, blobs: tuple[str, str] = ("in0", "in1")
) -> dict[str, str]:
    """Write ``name.param`` and ``name.bin``; in int8 the convolution is quantized. Gives the entry of a zoo file."""
    term = " 8=2" if int8 else ""
    lines = [
        "7767517",
        "8 8",
        f"Input            {blobs[0]} 0 1 {blobs[0]}",
        f"Input            {blobs[1]} 0 1 {blobs[1]}",
        f"Convolution      conv 1 1 {blobs[0]} conv 0={SIZE} 1=1 5=1 6={WEIGHTS.size}{term}",
        "Pooling          seen 1 1 conv seen 0=1 4=1",
        f"Embed            words 1 1 {blobs[1]} words 0={SIZE} 1={WORDS} 2=0 3={TABLE.size}",
        "Reduction        named 1 1 words named 0=3 1=0 -23303=1,0 4=0 5=1",
        "BinaryOp         both 2 1 seen named both 0=0",
        f"InnerProduct     out 1 1 both out0 0={CLASSES} 1=0 2={HEAD.size}",
    ]
    (folder / f"{name}.param").write_text("\n".join(lines) + "\n")
    if int8:
        scales = (127 / np.abs(WEIGHTS).max(axis=1)).astype(np.float32)
        quantized = np.round(WEIGHTS * scales[:, None]).astype(np.int8).tobytes()
        convolution = struct.pack("<I", TAG) + quantized + b"\0" * (-len(quantized) % 4) + BIAS.tobytes()
        convolution += scales.tobytes() + struct.pack("<f", scale)
    else:
        convolution = struct.pack("<I", 0) + WEIGHTS.tobytes() + BIAS.tobytes()
    data = convolution + struct.pack("<I", 0) + TABLE.tobytes() + struct.pack("<I", 0) + HEAD.tobytes()
    (folder / f"{name}.bin").write_bytes(data)
    return {"param": f"{name}.param", "bin": f"{name}.bin"}


def samples(count: int = 24, seed: int = 0) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Features (3, 4, 4) and ids (steps,) of each sample."""
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(rng.normal(0, 1, (3, 1, 1)), 0.5, (3, 4, 4)).astype(np.float32), rng.integers(0, WORDS, STEPS))
        for _ in range(count)
    ]


def write_samples(folder: Path, count: int = 24, seed: int = 0) -> Path:
    """Write one `.npz` for each sample, with the keys `features` and `ids`."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, (features, ids) in enumerate(samples(count, seed)):
        np.savez(folder / f"{index:03d}.npz", features=features, ids=ids)
    return folder


def model_entry(folder: Path, name: str = "two", *, scale: float = SCALE, **changes: Any) -> dict[str, Any]:
    """Write the nets of a model and give its zoo entry; ``changes`` replace keys, or drop them when None."""
    entry: dict[str, Any] = {
        "task": "outputs",
        "dataset": "inputs",
        "fp32": write_net(folder, name),
        "int8": write_net(folder, f"{name}-int8", int8=True, scale=scale),
        "inputs": {"in0": "features", "in1": "ids"},
        "output": "out0",
        "floor": {"agreement": 90.0, "sqnr_db": 25},
    }
    entry.update(changes)
    return {key: value for key, value in entry.items() if value is not None}


def write_zoo(folder: Path, models: dict[str, Any], **head: Any) -> Path:
    """Write a zoo file over the samples in the folder ``inputs``."""
    content = {
        "version": 1,
        "datasets": {"inputs": {"type": "arrays", "root": "inputs"}},
        "models": models,
        **head,
    }
    path = folder / "zoo.quant.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
