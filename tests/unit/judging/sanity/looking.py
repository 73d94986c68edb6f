"""What the sanity checks say of small models in a folder, and nets to give them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pytest_quant.building.workbench import open_workbench
from pytest_quant.judging.assess import Assessor
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.spec.verdict import Verdict
from pytest_quant.zoo.reader import find_model, read_zoo
from tests import tiny


def look(zoo: Path, model: str = "tiny", *, strict: bool = False) -> tuple[Verdict, tuple[Finding, ...]]:
    """The verdict of the case `sanity`, and the findings behind it."""
    assessor = Assessor(open_workbench(zoo.parent / "run", cores=1), confidence=0.95, strict=strict)
    spec = find_model(read_zoo(zoo), model)
    (limit,) = (limit for limit in spec.limits if limit.name == "sanity")
    verdict = assessor.assess(spec, limit)
    return verdict, assessor.measurements.known_sanity(spec) or ()


def names(zoo: Path, model: str = "tiny") -> list[str]:
    """The checks that find something."""
    return [finding.check for finding in look(zoo, model)[1]]


def classifier(
    folder: Path,
    name: str,
    weights: ArrayLike,
    bias: ArrayLike,
    *,
    int8: bool = False,
    bottom_scale: float = 127.0,
    relu: bool = False,
) -> dict[str, str]:
    """Write a net like `tests.tiny`'s with weights of shape (classes, 3) of one's own; gives its entry."""
    matrix, offsets = np.asarray(weights, np.float32), np.asarray(bias, np.float32)
    term = (" 8=2" if int8 else "") + (" 9=1" if relu else "")
    lines = [
        "7767517",
        "4 4",
        "Input            data  0 1 data",
        f"Convolution      conv  1 1 data conv 0={len(matrix)} 1=1 5=1 6={matrix.size}{term}",
        "Pooling          pool  1 1 conv pool 0=1 4=1",
        "Softmax          prob  1 1 pool prob",
    ]
    (folder / f"{name}.param").write_text("\n".join(lines) + "\n")
    if int8:
        scales = (127 / np.maximum(np.abs(matrix).max(axis=1), 1e-6)).astype(np.float32)
        quantized = np.round(matrix * scales[:, None]).astype(np.int8).tobytes()
        data = struct.pack("<I", tiny.INT8_TAG) + quantized + b"\0" * (-len(quantized) % 4) + offsets.tobytes()
        data += scales.tobytes() + struct.pack("<f", bottom_scale)
    else:
        data = struct.pack("<I", 0) + matrix.tobytes() + offsets.tobytes()
    (folder / f"{name}.bin").write_bytes(data)
    return {"param": f"{name}.param", "bin": f"{name}.bin"}


COLOURS = np.array([[2, -1, -1], [-1, 2, -1], [-1, -1, 2], [0.1, 0.1, 0.1]], np.float32)
"""The weights of `tests.tiny`."""
OFFSETS = np.array([0, 0, 0, 0.4], np.float32)


def pair(folder: Path, weights: ArrayLike = COLOURS, bias: ArrayLike = OFFSETS, **changes: Any) -> Path:
    """A zoo of one model `tiny` with both nets of the same weights."""
    nets = {
        "fp32": classifier(folder, "fp32", weights, bias),
        "int8": classifier(folder, "int8", weights, bias, int8=True),
    }
    return tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, **(nets | changes))})


def relabel(folder: Path, labels: Sequence[int]) -> None:
    """Give the images of `tests.tiny` other labels."""
    lines = (folder / "list.txt").read_text().splitlines()
    names = [line.split()[0] for line in lines]
    (folder / "list.txt").write_text("".join(f"{name} {label}\n" for name, label in zip(names, labels, strict=True)))


def labels(folder: Path) -> list[int]:
    """The labels of the images."""
    return [int(line.split()[1]) for line in (folder / "list.txt").read_text().splitlines()]


def idle_branch(folder: Path) -> dict[str, str]:
    """A float net beside an int8 convolution whose output nothing reads."""
    lines = [
        "7767517",
        "6 7",
        "Input            data  0 1 data",
        "Split            copy  1 2 data one two",
        "Convolution      idle  1 1 two idle 0=4 1=1 5=1 6=12 8=2",
        "Convolution      conv  1 1 one conv 0=4 1=1 5=1 6=12",
        "Pooling          pool  1 1 conv pool 0=1 4=1",
        "Softmax          prob  1 1 pool prob",
    ]
    (folder / "branch.param").write_text("\n".join(lines) + "\n")
    classifier(folder, "part", COLOURS, OFFSETS, int8=True)
    classifier(folder, "whole", COLOURS * 1.001, OFFSETS)
    (folder / "branch.bin").write_bytes((folder / "part.bin").read_bytes() + (folder / "whole.bin").read_bytes())
    return {"param": "branch.param", "bin": "branch.bin"}
