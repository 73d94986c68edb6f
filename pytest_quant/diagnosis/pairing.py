"""Which layer of an int8 net is which of the float net that it was made from: by layer names and blob names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_quant.nets.ncnn.files.arrays import int8_term
from pytest_quant.nets.ncnn.files.copies import origin
from pytest_quant.nets.ncnn.files.facts import ROW_LAYERS
from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.spec.errors import QuantError

NO_WORK = frozenset({"Input", "Split"})
"""Layers that compute nothing: they cannot add an error."""
SKIPPED = NO_WORK | ROW_LAYERS
"""Those and layers that list what they find: two lists of other lengths have no error in decibels."""


@dataclass(frozen=True)
class LayerPair:
    """A layer of the int8 net whose inputs and outputs the float net has, too."""

    layer: Layer
    """As the int8 net has it."""
    sources: Mapping[str, str]
    """Each of its inputs to the blob of the float net that holds the same, copies not included."""
    line: int
    """Where the float net writes its outputs."""

    @property
    def is_quantized(self) -> bool:
        """Whether it computes in int8."""
        return int8_term(self.layer) != 0


@dataclass(frozen=True)
class Pairing:
    """The layers of the int8 net that can be held against the float net, in file order."""

    pairs: tuple[LayerPair, ...]
    unmatched: tuple[str, ...]
    """Names of layers of the int8 net that the float net lacks, or has between other blobs."""


def pair_layers(fp32: Param, int8: Param) -> Pairing:
    """Match the layers of two nets.

    ncnn2int8 keeps all names. A float net that was optimized only on the way to int8 has more layers (batch norm,
    activations): its convolutions have no blob of their own in the int8 net then, and are matched where the fused
    layer writes a blob that the float net has.

    Raises:
        QuantError: no quantized layer has a counterpart, so that nothing can be compared.

    """
    pairs, unmatched = [], []
    known = {(layer.name, layer.type) for layer in fp32.layers}
    for layer in int8.layers:
        if layer.type in SKIPPED or not layer.tops:
            continue
        pair = _pair(fp32, int8, layer) if (layer.name, layer.type) in known else None
        if pair is None:
            unmatched.append(layer.name)
        else:
            pairs.append(pair)
    if not any(pair.is_quantized for pair in pairs):
        raise QuantError(_nothing_matches(fp32, int8))
    return Pairing(tuple(pairs), tuple(unmatched))


def _pair(fp32: Param, int8: Param, layer: Layer) -> LayerPair | None:
    """None where the float net lacks some of its blobs, or has them in another order."""
    sources = {bottom: origin(int8, bottom) for bottom in layer.bottoms}
    if not all(blob in fp32.producer for blob in (*sources.values(), *layer.tops)):
        return None
    lines = {fp32.producer[top].line for top in layer.tops}
    in_order = all(fp32.producer[source].line < min(lines) for source in sources.values())
    return LayerPair(layer, sources, lines.pop()) if in_order and len(lines) == 1 else None


def _nothing_matches(fp32: Param, int8: Param) -> str:
    quantized = [layer for layer in int8.layers if int8_term(layer)]
    if not quantized:
        return f"{int8.path} has no quantized layer: there is no error of quantization to look for"
    layer, names = quantized[0], {layer.name for layer in fp32.layers}
    if layer.name in names:
        known = set(fp32.producer)
        blobs = ", ".join(repr(blob) for blob in (*layer.bottoms, *layer.tops) if blob not in known)
        found = f"reads and writes other blobs there ({blobs} {'is' if ',' not in blobs else 'are'} not in it)"
        found = found if blobs else "is of another type there"
    else:
        found = "is not in it"
    return (
        f"layers cannot be compared: {fp32.path} and {int8.path} name their layers or blobs differently; layer "
        f"{layer.name!r} ({layer.type}, {int8.path}:{layer.line}) {found}. Give as `fp32` the float net that the "
        "int8 net was made from: ncnn2int8 and `pytest-quant quantize` keep all names"
    )


def comparable(param: Param, outputs: Sequence[str]) -> tuple[str, ...]:
    """The output blobs, or what they list detections from where they do: an error there is one of the net itself."""
    found = dict.fromkeys(
        origin(param, blob)
        for output in outputs
        for blob in (param.producer[output].bottoms if param.producer[output].type in ROW_LAYERS else (output,))
    )
    return tuple(found)


def live_after(param: Param, line: int) -> tuple[str, ...]:
    """The blobs that later layers read when the layer of ``line`` has run: with them a net can go on from there."""
    return tuple(
        blob
        for blob, readers in param.consumers.items()
        if param.producer[blob].line <= line and readers and readers[-1].line > line
    )
