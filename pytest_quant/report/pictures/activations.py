"""What the worst layers are given, and up to where int8 can say it: histograms with the threshold that was chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np

from pytest_quant.diagnosis.pairing import LayerPair, pair_layers
from pytest_quant.diagnosis.sample_inputs import sample_inputs
from pytest_quant.evaluation.model_nets import have_tried
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.nets.base import Array
from pytest_quant.nets.given import AnyArray, shape_of
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.feeding import feeding_of
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.files.weights import Weights, walk
from pytest_quant.nets.ncnn.net_files import ncnn_files
from pytest_quant.report.model.illustration import CurveEntry, IllustrationEntry
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec

_SAMPLES = 2
_BINS = 40
_INT8_MAX = 127
_USED = 0.5
"""Values that reach no farther leave half of int8's steps, or more, unused: that is what the title says then."""
_NAME_CHARS = 18
"""Of a longer name the end is shown."""


def activations(model: ModelSpec, bench: Workbench, layers: Sequence[str]) -> IllustrationEntry:
    """A histogram for each of some layers of the int8 net that has an input scale; where that fails, none, and why."""
    try:
        return IllustrationEntry(model=model.name, curves=tuple(_curves(bench.built(model), bench, layers)))
    except QuantError as error:
        return IllustrationEntry(model=model.name, note=str(error))


def _curves(model: ModelSpec, bench: Workbench, layers: Sequence[str]) -> Iterator[CurveEntry]:
    fp32, int8 = ncnn_files(model, "fp32"), ncnn_files(model, "int8")
    net = read_param(int8.param)
    pairs = {pair.layer.name: pair for pair in pair_layers(read_param(fp32.param), net).pairs}
    thresholds = _thresholds(walk(net, int8.bin), [pairs[name] for name in layers if name in pairs])
    blobs = {name: next(iter(pairs[name].sources.values())) for name in thresholds}
    inputs = list(sample_inputs(model, bench, _SAMPLES).values())
    have_tried(model.net("fp32"), shape_of(inputs[0]) if inputs else None, bench.resources.trials)
    feeding = replace(feeding_of(model.net("fp32")), size=None)
    fed = [feeding.blobs(model.name, given) for given in inputs]
    with bench.cores.core(), closing(BlobExtractor(fp32.param, fp32.bin, runtime=model.runtime)) as extractor:
        values = _values(extractor, fed, set(blobs.values()))
    for name, threshold in thresholds.items():
        yield _histogram(name, values[blobs[name]], threshold)


def _thresholds(weights: Weights, pairs: Sequence[LayerPair]) -> dict[str, float]:
    """Layer to the largest input that it can tell from larger ones."""
    found = {}
    for pair in pairs:
        array = weights.of(pair.layer).get("bottom_scale")
        if array is not None and array.count:
            found[pair.layer.name] = _INT8_MAX / float(weights.read(array)[0])
    return found


def _values(extractor: BlobExtractor, inputs: Sequence[Mapping[str, AnyArray]], blobs: set[str]) -> Mapping[str, Array]:
    """Absolute values of each blob over all inputs, 1-D."""
    parts: dict[str, list[Array]] = {blob: [] for blob in blobs}
    for given in inputs:
        found = {**given, **dict(extractor.feed(given, sorted(blobs - given.keys())))}
        for blob in blobs:
            parts[blob].append(np.abs(found[blob]).reshape(-1))
    return {blob: np.concatenate(arrays) for blob, arrays in parts.items() if arrays}


def _histogram(layer: str, values: Array, threshold: float) -> CurveEntry:
    """How many values there are of each size; logarithmic, since what is cut off is rare and large."""
    counts, edges = np.histogram(values, _BINS, (0.0, max(float(values.max()), threshold, 1e-30)))
    heights = np.log10(1 + counts).round(3).tolist()
    beyond = 100 * float(np.mean(values > threshold))
    bins = zip(edges[:-1].tolist(), edges[1:].tolist(), heights, strict=True)
    corners = [(x, y) for left, right, y in bins for x in (left, right)]
    reach = float(values.max(initial=0)) / threshold
    told = f"{beyond:.1f} % beyond the threshold" if reach > _USED else f"at most {_share(reach)} % of the threshold"
    return CurveEntry(
        title=f"Input of {layer[-_NAME_CHARS:]}: {told}",
        x="absolute value; dashed: the int8 threshold",
        y="values, as a power of 10",
        lines={"fp32": tuple(corners)},
        mark=threshold,
    )


def _share(part: float) -> str:
    return f"{100 * part:.2g}"
