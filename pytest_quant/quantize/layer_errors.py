"""The errors of all layers on one input: three ncnn nets that take and give any of their blobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pytest_quant.errors import QuantError
from pytest_quant.ncnn_files.macs import multiply_accumulates
from pytest_quant.ncnn_files.param import Param, read_param
from pytest_quant.ncnn_files.unfuse import output_scales, write_unfused
from pytest_quant.ncnn_files.weights import walk
from pytest_quant.quantize.likeness import Likeness, likeness
from pytest_quant.quantize.pairing import LayerPair, Pairing, depending, frontier, origin, pair_layers
from pytest_quant.runners.base import Array
from pytest_quant.runners.blobs import BlobExtractor
from pytest_quant.runners.open import open_runner
from pytest_quant.spec import SIDES, ModelSpec, NetFiles

Blobs = Mapping[str, Array]


@dataclass(frozen=True)
class LayerSums:
    """What one layer does, against the float net."""

    accumulated: Likeness = Likeness()
    own: Likeness = Likeness()
    output: Likeness = Likeness()
    """Of the net's outputs when this layer alone is int8; empty where it was not measured."""

    def __add__(self, more: LayerSums) -> LayerSums:
        return LayerSums(
            self.accumulated + more.accumulated,
            self.own + more.own,
            self.output + more.output,
        )


@dataclass(frozen=True)
class InputSums:
    """What all layers do on one input."""

    layers: tuple[LayerSums, ...]
    """In the order of the pairs."""
    whole: Likeness
    """The outputs of the int8 net against those of the float net."""


@dataclass(frozen=True)
class Nets:
    """The files of a model, read and matched; threads share it and each `open` nets of their own."""

    model: ModelSpec
    fp32: Param
    int8: Param
    pairing: Pairing
    scales: Mapping[str, float]
    """Blobs of the int8 net that hold int8 values, with their scales."""
    alone: NetFiles
    """The int8 net without requantize fusion: every layer gives floats, so that it can be run alone."""

    @cached_property
    def frontiers(self) -> Mapping[str, tuple[str, ...]]:
        """First output of each quantized layer to what the float net needs besides it, see `frontier`."""
        tops = (pair.layer.tops[0] for pair in self.pairing.pairs if pair.is_quantized)
        return {top: frontier(self.fp32, top) for top in tops}

    @cached_property
    def reached(self) -> Mapping[str, tuple[str, ...]]:
        """First output of each quantized layer to the outputs of the net that depend on it."""
        return {
            top: tuple(out for out in self.model.outputs if out == top or out in depending(self.fp32, top))
            for top in self.frontiers
        }

    def open(self) -> Probe:
        """Load the nets, for one thread."""
        return Probe(self)


def prepare_nets(model: ModelSpec, folder: Path) -> Nets:
    """Check and match the two nets of a model; ``folder`` is for the files of a third, and must outlive the nets.

    Raises:
        ModelFileError: a file is damaged, or ncnn cannot load it.
        QuantError: the layers of the nets cannot be told apart.

    """
    for side in SIDES:
        open_runner(model, side).close()  # whatever ncnn would crash on is found here
    fp32, int8 = (read_param(model.files(side).param) for side in SIDES)
    pairing = pair_layers(fp32, int8)
    weights = walk(int8, model.int8.bin)
    scales = output_scales(int8, weights)
    alone = model.int8
    if scales:
        alone = NetFiles(folder / "unfused.param", folder / "unfused.bin")
        write_unfused(int8, weights, alone.param, alone.bin)
    return Nets(model, fp32, int8, pairing, scales, alone)


class Probe:
    """Runs inputs through the loaded nets; for one thread."""

    def __init__(self, nets: Nets) -> None:
        self._nets = nets
        model = nets.model
        self._fp32, self._int8, self._alone = (
            BlobExtractor(files.param, files.bin, runtime=model.runtime)
            for files in (model.fp32, model.int8, nets.alone)
        )

    def macs(self, tensor: Array) -> tuple[int | None, ...]:
        """Multiply-accumulates of every paired layer, for an input of this size."""
        shapes = {blob: value.shape for blob, value in self._float_blobs(tensor).items()}
        return tuple(
            multiply_accumulates(
                pair.layer,
                [shapes[blob] for blob in pair.sources.values()],
                [shapes[blob] for blob in pair.layer.tops],
            )
            for pair in self._nets.pairing.pairs
        )

    def measure(self, tensor: Array, *, outputs: bool) -> InputSums:
        """The errors of all paired layers on one preprocessed input (channels, height, width).

        ``outputs``: measure also what each quantized layer alone does to the net's outputs; that takes most of the time.

        Raises:
            QuantError: a blob has different shapes in the two nets.

        """
        blobs = self._float_blobs(tensor)
        accumulated = self._accumulated(tensor, blobs)
        layers = []
        for pair in self._nets.pairing.pairs:
            own = dict(self._alone.feed(self._inputs_of(pair, blobs), pair.layer.tops))
            layers.append(
                LayerSums(
                    accumulated=_sum(accumulated[top] for top in pair.layer.tops),
                    own=_sum(self._compare(top, blobs[top], value) for top, value in own.items()),
                    output=self._output(pair, own, blobs) if outputs and pair.is_quantized else Likeness(),
                )
            )
        return InputSums(tuple(layers), _sum(accumulated[blob] for blob in self._nets.model.outputs))

    def close(self) -> None:
        """Free the nets."""
        for extractor in (self._fp32, self._int8, self._alone):
            extractor.close()

    def _float_blobs(self, tensor: Array) -> dict[str, Array]:
        """Every blob of the float net, but for copies."""
        fp32, given = self._nets.fp32, {self._nets.model.input.blob: tensor}
        names = [blob for blob, layer in fp32.producer.items() if layer.type != "Split" and blob not in given]
        return {**given, **dict(self._fp32.feed(given, names, forget=True))}

    def _accumulated(self, tensor: Array, blobs: Blobs) -> dict[str, Likeness]:
        """Every output of a paired layer, and of the net, both nets having run from the input."""
        nets = self._nets
        wanted = {top for pair in nets.pairing.pairs for top in pair.layer.tops}.union(nets.model.outputs)
        names = [blob for blob in nets.int8.blobs if blob in wanted]
        given = {nets.model.input.blob: tensor}
        return {
            blob: self._compare(blob, blobs[blob], self._float(blob, value))
            for blob, value in self._int8.feed(given, names, forget=True)
        }

    def _float(self, blob: str, value: Array) -> Array:
        """int8 values come as whole numbers: divide them by their scale."""
        scale = self._nets.scales.get(blob)
        return value if scale is None or scale == 0 else value / scale

    def _inputs_of(self, pair: LayerPair, blobs: Blobs) -> dict[str, Array]:
        return {bottom: blobs[source] for bottom, source in pair.sources.items()}

    def _output(self, pair: LayerPair, own: Blobs, blobs: Blobs) -> Likeness:
        """The float net's outputs with the values of one int8 layer in it, against those without."""
        nets, top = self._nets, pair.layer.tops[0]
        given = {blob: blobs[origin(nets.fp32, blob)] for blob in nets.frontiers[top]} | dict(own)
        reached = nets.reached[top]
        changed = {**{blob: blobs[blob] for blob in nets.model.outputs}, **dict(self._fp32.feed(given, reached))}
        return _sum(self._compare(blob, blobs[blob], value) for blob, value in changed.items())

    def _compare(self, blob: str, expected: Array, found: Array) -> Likeness:
        if expected.shape != found.shape:
            raise QuantError(
                f"blob {blob!r} has the shape {expected.shape} in {self._nets.fp32.path} and {found.shape} in "
                f"{self._nets.int8.path}: these are not the float and the int8 version of one net"
            )
        return likeness(expected, found)


def _sum(parts: Iterable[Likeness]) -> Likeness:
    return sum(parts, Likeness())
