"""Measurements with outcomes of our choice, as an evaluation would give them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pytest_quant.evaluation.measurement import Measurement, Timing
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.base import Comparison, Flips, MetricPair, RightWrong
from tests.unit.metrics import METRICS


def some_model(*limits: Limit, **changes: Any) -> ModelSpec:
    """A model `m` whose files need not exist."""
    folder = Path("/zoo")
    known: dict[str, Any] = {
        "name": "m",
        "zoo": folder / "zoo.quant.yaml",
        "task": "classification",
        "dataset": DatasetSpec("d", "image-list", None, folder / "zoo.quant.yaml"),
        "nets": {
            "fp32": NcnnFiles(param=folder / "m.param", bin=folder / "m.bin").net(),
            "int8": NcnnFiles(param=folder / "m-int8.param", bin=folder / "m-int8.bin").net(),
        },
        "input": InputSpec("data", (8, 8), "rgb", (0.0,) * 3, (1.0,) * 3),
        "outputs": ("prob",),
        "limits": limits,
    }
    return ModelSpec(**(known | changes))


def pair_of(fp32: Sequence[bool], int8: Sequence[bool], metric: str = "top1") -> MetricPair:
    """One metric from which samples each side has right."""
    evidence = RightWrong(np.array(fp32, np.bool_), np.array(int8, np.bool_))
    maximum = METRICS[metric].range
    fp32_value, int8_value = (maximum * int(side.sum()) / side.size for side in (evidence.fp32, evidence.int8))
    return MetricPair(METRICS[metric], fp32_value, int8_value, evidence)


def measured(
    fp32: Sequence[bool], int8: Sequence[bool], *, total: int | None = None, metric: str = "top1", **changes: Any
) -> Measurement:
    """A measurement of these samples, drawn from ``total``; by default they are the whole dataset."""
    pair = pair_of(fp32, int8, metric)
    assert isinstance(pair.evidence, RightWrong)
    lost, won = pair.evidence.fp32 & ~pair.evidence.int8, pair.evidence.int8 & ~pair.evidence.fp32
    agreement_pct = 100 * float((~(lost | won)).mean())
    known: dict[str, Any] = {
        "model": some_model(),
        "comparison": Comparison({metric: pair}, Flips(int(lost.sum()), int(won.sum()), agreement_pct)),
        "evaluated": len(fp32),
        "total": len(fp32) if total is None else total,
        "seed": 0,
        "side_keys": {"fp32": "f", "int8": "i"},
        "samples_sha256": "0" * 64,
        "file_sha256": dict.fromkeys(("fp32.param", "fp32.bin", "int8.param", "int8.bin"), "1" * 64),
        "conditions": {"runtime": "reference"},
        "timing": Timing(1.5, {"fp32": 10.0, "int8": 20.0}, {"fp32": False, "int8": True}),
    }
    return Measurement(**(known | changes))


def outcomes(both: int, only_fp32: int, only_int8: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Samples that both, one or none of the sides has right."""
    fp32 = [True] * (both + only_fp32) + [False] * (only_int8 + neither)
    int8 = [True] * both + [False] * only_fp32 + [True] * only_int8 + [False] * neither
    return fp32, int8
