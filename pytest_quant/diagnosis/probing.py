"""What a layer diagnosis asks of the two nets of a model, whatever runs them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from pytest_quant.evidence.likeness import NOTHING, Likeness
from pytest_quant.nets.given import Given


@dataclass(frozen=True)
class LayerSums:
    """What one layer does, against the float net."""

    accumulated: Likeness = NOTHING
    own: Likeness = NOTHING
    output: Likeness = NOTHING
    """Of the net's outputs when this layer alone is int8; empty where it was not measured."""

    def __add__(self, more: LayerSums) -> LayerSums:
        return LayerSums(self.accumulated + more.accumulated, self.own + more.own, self.output + more.output)


@dataclass(frozen=True)
class InputSums:
    """What all layers do on one input."""

    layers: tuple[LayerSums, ...]
    """In the order of `Nets.layers`."""
    whole: Likeness
    """The outputs of the int8 net against those of the float net."""


@dataclass(frozen=True)
class ComparedLayer:
    """A layer of the int8 net that the float net has, too."""

    name: str
    type: str
    blob: str
    """Its first output."""
    is_quantized: bool


class Probe(Protocol):
    """The loaded nets, for one thread."""

    def macs(self, given: Given) -> tuple[int | None, ...]:
        """Multiply-accumulates of every compared layer, for an input of this size; None where not counted."""
        ...

    def measure(self, given: Given, *, outputs: bool) -> InputSums:
        """The errors of all compared layers on one preprocessed input (channels, height, width).

        ``outputs``: measure what each quantized layer alone does to the net's outputs, too; it takes most of the time.

        Raises:
            QuantError: a layer writes different shapes in the two nets.

        """
        ...

    def close(self) -> None:
        """Free the nets."""
        ...


class Nets(Protocol):
    """The files of two nets, read and matched; threads share it and each `open` nets of their own."""

    @property
    def layers(self) -> tuple[ComparedLayer, ...]:
        """What is compared, in the order of the int8 file."""
        ...

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Layers of the int8 net that the float net lacks."""
        ...

    def open(self) -> Probe:
        """Load the nets, for one thread."""
        ...


def total(parts: Iterable[Likeness]) -> Likeness:
    """The sum of likenesses; they add up."""
    return sum(parts, NOTHING)
