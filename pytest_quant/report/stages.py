"""Which step of the way lost how much: from ONNX to the ncnn float net, and from there to int8."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_quant.report.model import DiagnosisEntry, ModelEntry, SqnrEntry
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.text import listed

_STEPS = ("conversion to ncnn", "quantization")


@dataclass(frozen=True)
class Stages:
    """One metric of the three nets on the same samples, in its own unit, and how like their raw outputs are.

    >>> outputs = SqnrEntry(sqnr_db=9.8)
    >>> print(Stages(Metric("hmean", "fraction"), onnx=0.75, fp32=0.7, int8=0.5, int8_outputs=outputs).line)
    stages, hmean: onnx 0.7500 -> ncnn fp32 0.7000 (lost 0.0500) -> int8 0.5000 (lost 0.2000, outputs 9.8 dB): of the \
loss 20 % by conversion to ncnn, 80 % by quantization
    """

    metric: Metric
    onnx: float
    fp32: float
    int8: float
    fp32_outputs: SqnrEntry | None = None
    """SQNR of the outputs of ncnn fp32 against those of ONNX; None: not measured."""
    int8_outputs: SqnrEntry | None = None
    """SQNR of the outputs of int8 against those of ncnn fp32; None: not measured."""

    @property
    def lost(self) -> tuple[float, float]:
        """By conversion and by quantization, with the digits that are printed; below 0 where a step gained."""
        worse_by = self.metric.worse_by
        return self._printed(worse_by(self.onnx, self.fp32)), self._printed(worse_by(self.fp32, self.int8))

    @property
    def conclusion(self) -> str:
        """Which step to look at."""
        losing = {step: amount for step, amount in zip(_STEPS, self.lost, strict=True) if amount > 0}
        if not losing:
            return "no step lost anything"
        if len(losing) == 1:
            return f"all of the loss by {listed(losing)}"
        total = sum(losing.values())
        shares = (f"{100 * amount / total:.0f} % by {step}" for step, amount in losing.items())
        return f"of the loss {listed(shares)}"

    @property
    def line(self) -> str:
        """The way in one line."""
        number, (conversion, quantization) = self.metric.number, self.lost
        return (
            f"stages, {self.metric.name}: onnx {number(self.onnx)} -> ncnn fp32 {number(self.fp32)} "
            f"({self._step(conversion, self.fp32_outputs)}) -> int8 {number(self.int8)} "
            f"({self._step(quantization, self.int8_outputs)}): {self.conclusion}"
        )

    def _printed(self, value: float) -> float:
        return float(self.metric.number(value)) + 0.0  # the sum turns -0.0 into 0.0

    def _step(self, lost: float, outputs: SqnrEntry | None) -> str:
        changed = f"{'gained' if lost < 0 else 'lost'} {self.metric.difference(abs(lost))}"
        return changed if outputs is None else f"{changed}, outputs {outputs.text}"


def stage_lines(model: ModelEntry, metrics: Iterable[str]) -> list[str]:
    """The way of some metrics of a model; none where its ONNX file was not measured."""
    if model.onnx is None:
        return []
    outputs, known = model.onnx.outputs, model.onnx.metrics
    return [
        Stages(
            model.metrics[name].metric(name),
            onnx=known[name].onnx,
            fp32=known[name].fp32,
            int8=model.metrics[name].int8,
            fp32_outputs=outputs.blobs[outputs.worst],
            int8_outputs=model.diagnosis.output if isinstance(model.diagnosis, DiagnosisEntry) else None,
        ).line
        for name in metrics
        if name in known and name in model.metrics
    ]
