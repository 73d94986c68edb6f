"""Which layer loses how much: ``diagnosis`` of a model."""

from __future__ import annotations

from pytest_quant.report.model.base import Entry


class SqnrEntry(Entry):
    """A signal to noise ratio."""

    sqnr_db: float | None
    """In dB; null where it is not a number."""
    note: str | None = None
    """Why it is not a number."""

    @property
    def text(self) -> str:
        """In words, with its unit.

        >>> SqnrEntry(sqnr_db=9.81).text, SqnrEntry(sqnr_db=None, note="identical").text
        ('9.8 dB', 'identical')
        """
        return str(self.note) if self.sqnr_db is None else f"{self.sqnr_db:.1f} dB"

    @property
    def cell(self) -> str:
        """The same without the unit, for a column that names it."""
        return str(self.note) if self.sqnr_db is None else f"{self.sqnr_db:.1f}"


class LayerSqnrEntry(SqnrEntry):
    """What a layer gives, against the float net."""

    cosine: float | None
    """From -1 to 1; null where values are not finite."""


class LayerOutputEntry(SqnrEntry):
    """The net's output when the layer alone is int8."""

    share: float | None
    """The noise behind it, as a share of the int8 net's noise there."""


class LayerEntry(Entry):
    """One layer."""

    layer: str
    type: str
    blob: str
    """Its first output."""
    quantized: bool
    macs: int | None
    """Multiply-accumulates of one forward pass; null for a type that is not counted."""
    own: LayerSqnrEntry
    """The layer alone, fed what the float net has."""
    accumulated: LayerSqnrEntry
    """The net up to the layer."""
    output: LayerOutputEntry | None = None
    """Absent for a float layer."""


class DiagnosisEntry(Entry):
    """All layers of a model."""

    samples: tuple[str, ...]
    """Ids of the samples that were run."""
    output_samples: int
    """How many of them, from the first on, ``output`` of the layers is over."""
    seed: int
    output: SqnrEntry
    """Of the int8 net's output."""
    worst: tuple[str, ...]
    """The quantized layers, the one whose error does most harm to the output first."""
    unmatched: tuple[str, ...]
    """Layers of the int8 net that the float net lacks."""
    layers: tuple[LayerEntry, ...]
    """In the order of the file."""

    def worst_layers(self, count: int | None = None) -> list[LayerEntry]:
        """The first layers of the ranking; None: all of it."""
        by_name = {layer.layer: layer for layer in self.layers}
        return [by_name[name] for name in self.worst[:count]]


class NoDiagnosisEntry(Entry):
    """In the place of a diagnosis that could not be made."""

    error: str
