"""The errors of all layers on one input: three ncnn nets that take and give any of their blobs.

The float and the int8 net run side by side, layer by layer, and a blob is dropped when nothing reads it any more: a net
on a large image has gigabytes of blobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from pytest_quant.diagnosis.pairing import (
    SKIPPED,
    LayerPair,
    Pairing,
    comparable,
    live_after,
    pair_layers,
)
from pytest_quant.diagnosis.probing import ComparedLayer, InputSums, LayerSums, total
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.evidence.likeness import NOTHING, Likeness, likeness
from pytest_quant.nets.base import Array
from pytest_quant.nets.given import AnyArray, Given
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.feeding import Feeding, feeding_of
from pytest_quant.nets.ncnn.files.copies import origin
from pytest_quant.nets.ncnn.files.macs import multiply_accumulates
from pytest_quant.nets.ncnn.files.param import Layer, Param, read_param
from pytest_quant.nets.ncnn.files.unfuse import output_scales, write_unfused
from pytest_quant.nets.ncnn.files.weights import walk
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES, Side

Blobs = Mapping[str, AnyArray]


@dataclass(frozen=True)
class NcnnNets:
    """The files of a model, read and matched; threads share it and each `open` nets of their own."""

    model: ModelSpec
    fp32: Param
    int8: Param
    pairing: Pairing
    scales: Mapping[str, float]
    """Blobs of the int8 net that hold int8 values, with their scales."""
    alone: NcnnFiles
    """The int8 net without requantize fusion: every layer gives floats, so that it can be run alone."""
    feedings: Mapping[Side, Feeding]
    """How what a task prepares becomes the input blobs of each net."""

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The blobs that stand for the net's outputs."""
        return comparable(self.fp32, self.model.outputs)

    @cached_property
    def last_use(self) -> Mapping[str, int]:
        """Blob of the float net, copies not included, to the line where it is needed for the last time."""
        found: dict[str, int] = {}
        for layer in self.fp32.layers:
            if layer.type != "Split":
                found |= {origin(self.fp32, bottom): layer.line for bottom in layer.bottoms}
        for pair in self.pairing.pairs:
            found |= {source: max(found.get(source, 0), pair.line) for source in pair.sources.values()}
        return found

    @cached_property
    def live(self) -> Mapping[int, tuple[str, ...]]:
        """Line of each quantized layer to the blobs with which the float net can go on behind it."""
        lines = (pair.line for pair in self.pairing.pairs if pair.is_quantized)
        return {line: live_after(self.fp32, line) for line in lines}

    def fed(self, side: Side, given: Given) -> dict[str, AnyArray]:
        """Input blob of a net to what it is fed."""
        return self.feedings[side].blobs(f"{self.model.name}, {side}", given)

    @property
    def layers(self) -> tuple[ComparedLayer, ...]:
        """The paired layers, in the order of the int8 net's file."""
        pairs = ((pair.layer, pair.is_quantized) for pair in self.pairing.pairs)
        return tuple(ComparedLayer(layer.name, layer.type, layer.tops[0], quantized) for layer, quantized in pairs)

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Layers of the int8 net that the float net lacks."""
        return self.pairing.unmatched

    def open(self) -> NcnnProbe:
        """Load the nets, for one thread."""
        return NcnnProbe(self)


def prepare_nets(model: ModelSpec, folder: Path) -> NcnnNets:
    """Check and match the two nets of a model; ``folder`` is for the files of a third, and must outlive the nets.

    Raises:
        ModelFileError: a file is damaged, or ncnn cannot load it.
        QuantError: the layers of the nets cannot be told apart.

    """
    for side in SIDES:
        open_runner(model, side).close()  # whatever ncnn would crash on is found here
    fp32, int8 = (read_param(ncnn_files(model, side).param) for side in SIDES)
    pairing = pair_layers(fp32, int8)
    alone = ncnn_files(model, "int8")
    weights = walk(int8, alone.bin)
    scales = output_scales(int8, weights)
    if scales:
        alone = NcnnFiles(param=folder / "unfused.param", bin=folder / "unfused.bin")
        write_unfused(int8, weights, alone.param, alone.bin)
    feedings = {side: replace(feeding_of(model.net(side)), size=None) for side in SIDES}
    return NcnnNets(model, fp32, int8, pairing, scales, alone, feedings)


class NcnnProbe:
    """Runs inputs through the loaded nets; for one thread."""

    def __init__(self, nets: NcnnNets) -> None:
        self._nets = nets
        model = nets.model
        self._fp32, self._int8, self._alone = (
            BlobExtractor(files.param, files.bin, runtime=model.runtime, options_of=ncnn_files(model, "int8").param)
            for files in (ncnn_files(model, "fp32"), ncnn_files(model, "int8"), nets.alone)
        )
        self._pairs = {pair.line: pair for pair in nets.pairing.pairs}

    def macs(self, given: Given) -> tuple[int | None, ...]:
        """Multiply-accumulates of every paired layer, for an input of this size."""
        inputs = self._nets.fed("fp32", given)
        shapes: dict[str, Sequence[int]] = {blob: array.shape for blob, array in inputs.items()}
        for layer, blobs in self._float_layers(inputs):
            shapes |= {top: blobs[top].shape for top in layer.tops}
        return tuple(
            multiply_accumulates(
                pair.layer,
                [shapes[blob] for blob in pair.sources.values()],
                [shapes[blob] for blob in pair.layer.tops],
            )
            for pair in self._nets.pairing.pairs
        )

    def measure(self, given: Given, *, outputs: bool) -> InputSums:
        """The errors of all paired layers on one preprocessed input (channels, height, width), or arrays by name.

        ``outputs``: measure what each quantized layer alone does to the net's outputs, too; it takes most of the time.

        Raises:
            QuantError: a blob has different shapes in the two nets.

        """
        nets = self._nets
        inputs, int8_inputs = (nets.fed(side, given) for side in SIDES)
        expected = dict(self._fp32.feed(inputs, nets.outputs))
        actual = dict(self._int8.feed(int8_inputs, nets.outputs))
        int8 = self._int8_blobs(int8_inputs)
        found: dict[int, LayerSums] = {}
        for layer, blobs in self._float_layers(inputs):
            pair = self._pairs.get(layer.line)
            if pair is None:
                continue
            accumulated = total(self._compare(top, blobs[top], next(int8)) for top in pair.layer.tops)
            given_alone = {bottom: blobs[source] for bottom, source in pair.sources.items()}
            own = dict(self._alone.feed(given_alone, pair.layer.tops))
            found[pair.line] = LayerSums(
                accumulated=accumulated,
                own=total(self._compare(top, blobs[top], value) for top, value in own.items()),
                output=self._output(pair, own, blobs, expected) if outputs and pair.is_quantized else NOTHING,
            )
        return InputSums(
            tuple(found[pair.line] for pair in nets.pairing.pairs),
            total(self._compare(blob, expected[blob], actual[blob]) for blob in expected),
        )

    def close(self) -> None:
        """Free the nets."""
        for extractor in (self._fp32, self._int8, self._alone):
            extractor.close()

    def _float_layers(self, given: Blobs) -> Iterator[tuple[Layer, Blobs]]:
        """Every layer of the float net that computes something, with the blobs that it or a later layer needs.

        Copies are not among them: the blob that they are copies of stands for all.
        """
        layers = [layer for layer in self._nets.fp32.layers if layer.type not in SKIPPED]
        values = self._fp32.feed(given, [top for layer in layers for top in layer.tops])
        blobs: dict[str, Array] = dict(given)
        for layer in layers:
            blobs |= {top: next(values)[1] for top in layer.tops}
            yield layer, blobs
            for blob in [blob for blob in blobs if self._nets.last_use.get(blob, 0) <= layer.line]:
                del blobs[blob]

    def _int8_blobs(self, given: Blobs) -> Iterator[Array]:
        """The outputs of the paired layers in the order of the float net, the int8 net having run from the input."""
        nets = self._nets
        names = [top for _, pair in sorted(self._pairs.items()) for top in pair.layer.tops]
        lines = [nets.int8.producer[name].line for name in names]
        found = self._int8.feed(given, names)
        if lines != sorted(lines):
            held = dict(found)
            found = ((name, held[name]) for name in names)
        for blob, value in found:
            scale = nets.scales.get(blob)  # int8 values come as whole numbers
            yield value / np.float32(scale) if scale else value

    def _output(self, pair: LayerPair, own: Blobs, blobs: Blobs, expected: Blobs) -> Likeness:
        """The float net's outputs with the values of one int8 layer in it, against those without."""
        fp32 = self._nets.fp32
        given = {blob: blobs[origin(fp32, blob)] for blob in self._nets.live[pair.line]} | dict(own)
        later = [blob for blob in expected if blob in own or fp32.producer[blob].line > pair.line]
        changed = dict(expected) | dict(self._fp32.feed(given, later))
        return total(self._compare(blob, expected[blob], value) for blob, value in changed.items())

    def _compare(self, blob: str, expected: Array, found: Array) -> Likeness:
        if expected.shape != found.shape:
            raise QuantError(
                f"blob {blob!r} has the shape {expected.shape} in {self._nets.fp32.path} and {found.shape} in "
                f"{self._nets.int8.path}: these are not the float and the int8 version of one net"
            )
        return likeness(expected, found)
