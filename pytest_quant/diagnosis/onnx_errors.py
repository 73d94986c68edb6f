"""The errors of all layers of a quantized ONNX file on one input, against the float file that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_quant.diagnosis.probing import ComparedLayer, InputSums, LayerSums, total
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.evidence.likeness import NOTHING, likeness
from pytest_quant.nets.given import Given
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net

if TYPE_CHECKING:
    from pytest_quant.nets.onnxruntime.layer_probe import OnnxPair, OnnxProbe


class OnnxNets:
    """The two files, read and matched."""

    def __init__(self, model: ModelSpec, fp32: Net, int8: Net) -> None:
        """``fp32``, ``int8``: names of the two nets. Raises `QuantError` where their layers cannot be told apart."""
        from pytest_quant.nets.onnxruntime.layer_probe import OnnxPair  # onnx is imported only where a file is read

        for net in (fp32, int8):
            open_runner(model, net).close()  # whatever the runtime would crash on is found here
        self._pair: OnnxPair = OnnxPair(model.net(fp32), model.net(int8))

    @property
    def layers(self) -> tuple[ComparedLayer, ...]:
        """In the order of the int8 file."""
        found = self._pair.pairing.layers
        return tuple(ComparedLayer(one.name, one.type, one.tensor, one.is_quantized) for one in found)

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Convolutions and matrix products of the int8 file that the float file lacks."""
        return self._pair.pairing.unmatched

    def open(self) -> OnnxLayerProbe:
        """Load the nets, for one thread."""
        return OnnxLayerProbe(self._pair.open())


class OnnxLayerProbe:
    """See `Probe`."""

    def __init__(self, probe: OnnxProbe) -> None:
        self._probe = probe

    def macs(self, given: Given) -> tuple[int | None, ...]:
        """Multiply-accumulates of every layer."""
        return tuple(self._probe.macs(given))

    def measure(self, given: Given, *, outputs: bool) -> InputSums:
        """The errors of all layers."""
        expected, actual = self._probe.ends(given)
        sums = []
        for layer, found in self._probe.layers(given):
            changed = self._probe.ends_with(given, layer, found) if outputs and layer.is_quantized else None
            sums.append(
                LayerSums(
                    accumulated=likeness(found.expected, found.accumulated),
                    own=likeness(found.expected, found.alone),
                    output=NOTHING if changed is None else total(map(likeness, expected, changed)),
                )
            )
        return InputSums(tuple(sums), total(map(likeness, expected, actual)))

    def close(self) -> None:
        """Free the nets."""
        self._probe.close()
