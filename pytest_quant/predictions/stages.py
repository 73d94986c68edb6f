"""The metrics of every net of a model on the same samples: which step of the way lost how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_quant.datasets.base import Sample
from pytest_quant.predictions.measure import Workbench
from pytest_quant.spec import ModelSpec, Net
from pytest_quant.tasks import get_task

StageScores = Mapping[str, Mapping[Net, float]]
"""Metric name to the value of each net of the model, in the metric's own unit and in the order of `ModelSpec.nets`."""


def stage_scores(bench: Workbench, model: ModelSpec, samples: Sequence[Sample]) -> StageScores:
    """Evaluate every net of a model on some samples of its dataset: ``onnx``, ``fp32``, ``int8``, ``onnx_int8``.

    Each net is compared with fp32, so that what a protocol takes from the fp32 side (the score threshold of hmean) is
    the same for all. Predictions that are known already are not computed again. Metrics that the nets have not (top-5
    of three classes) are left out. Raises what `Workbench.predictions` raises.
    """
    found = bench.predictions(model, model.nets, samples)
    pipeline = get_task(model.task).pipeline(model)
    scores: dict[str, dict[Net, float]] = {}
    for net in model.nets:
        for name, pair in pipeline.compare(samples, found["fp32"], found[net]).metrics.items():
            scores.setdefault(name, {})[net] = pair.int8
    return scores
