"""``not-finite``: fp32 computes NaN or infinity inside, which a later layer turns into numbers again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial

import numpy as np

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.first_input import first_input
from pytest_quant.evaluation.model_nets import have_tried
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.nets.given import Given
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.feeding import feeding_of
from pytest_quant.nets.ncnn.files.param import Layer, read_param
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.tasks.base import RightWrong

_LOOKED_AT = 4
"""Samples whose inner blobs are looked at; those first that fp32 alone is wrong on."""
_HIDING = frozenset(
    {"Softmax", "Sigmoid", "ReLU", "PReLU", "Clip", "TanH", "HardSigmoid", "HardSwish", "Swish", "Pooling", "ArgMax"}
)
"""Layers behind which NaN and infinity may look like numbers; what they read is looked at."""


def find_not_finite(look: Look) -> Iterator[Finding]:
    """An error about float nets of ncnn; what is not finite in an output is an error of the run itself."""
    model = look.model
    net, entry = model.net("fp32"), model.nets["fp32"].entry
    if not isinstance(entry, NcnnFiles) or net.target is not None:
        return
    param = read_param(entry.param)
    layers = {layer.bottoms[0]: layer for layer in param.layers if _may_hide(layer)}
    is_fed = net.input.blob in param.inputs and (bool(net.input_names) or len(param.inputs) == 1)
    if not layers or not is_fed:
        return
    chosen = _chosen(look)
    inside = _Inside(look, entry, list(layers))
    with closing(inside):
        told = {one.id: look.probe("not-finite", one.id, partial(inside.first_bad, one)) for one in chosen}
    found = [(sample_id, blob) for sample_id, blob in told.items() if blob is not None]
    if found:
        sample_id, blob = found[0]
        yield Finding(
            "not-finite",
            "error",
            f"fp32 computes NaN or infinity for {len(found)} of {len(chosen)} samples that were looked at: in blob "
            f"{blob} for {sample_id}, and {layers[blob].type} {layers[blob].name} makes numbers of it again",
            "is the float net damaged, or does `input` give it values far from those that it was trained on?",
        )


def _may_hide(layer: Layer) -> bool:
    return layer.type in _HIDING and len(layer.bottoms) == 1


def _chosen(look: Look) -> Sequence[Sample]:
    """The first samples, those before that int8 alone is right on: there something may have gone wrong in fp32."""
    evidence = look.evidence
    samples = list(look.samples)
    if isinstance(evidence, RightWrong) and evidence.fp32.size == len(samples):
        alone = evidence.int8 & ~evidence.fp32
        samples = [samples[index] for index in np.argsort(~alone, kind="stable")]
    return samples[:_LOOKED_AT]


def _given(look: Look, sample: Sample) -> Given | None:
    pipeline = look.on_samples.pipelines["fp32"]
    with look.subject.bench.cores.core(), single_threaded_opencv():
        return first_input(pipeline, pipeline.prepare(look.dataset.read(sample, orient=look.orient), sample))


class _Inside:
    """The inner blobs of fp32; the net is loaded for the first sample."""

    def __init__(self, look: Look, files: NcnnFiles, blobs: Sequence[str]) -> None:
        self._look = look
        self._files = files
        self._blobs = blobs
        self._extractor: BlobExtractor | None = None

    def first_bad(self, sample: Sample) -> str | None:
        """The first of the blobs in the net's order that holds NaN or an overflow; -infinity is how some nets mask."""
        given = _given(self._look, sample)
        if given is None:
            return None
        if self._extractor is None:
            files, model = self._files, self._look.model
            net = model.net("fp32")
            have_tried(net, trials=self._look.subject.bench.resources.trials)
            self._extractor = BlobExtractor(files.param, files.bin, feeding=feeding_of(net), runtime=model.runtime)
        with self._look.subject.bench.cores.core():
            found = self._extractor(given, self._blobs)
            return next((blob for blob, values in found if not (values < np.inf).all()), None)

    def close(self) -> None:
        """Free the net."""
        if self._extractor is not None:
            self._extractor.close()
