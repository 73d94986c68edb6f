"""Which step of the way lost how much: from ONNX to the ncnn float net, and from there to int8."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_quant.evaluation.agreement import OutputAgreement
from pytest_quant.evaluation.measure import Measurement
from pytest_quant.evidence.likeness import sqnr_note, sqnr_of_note
from pytest_quant.spec.metric import METRICS, Metric
from pytest_quant.spec.text import listed

Entry = Mapping[str, Any]

_STEPS = ("conversion to ncnn", "quantization")


@dataclass(frozen=True)
class Stages:
    """One metric of the three nets on the same samples, in its own unit, and how like their raw outputs are.

    >>> print(Stages(METRICS["hmean"], onnx=0.75, fp32=0.7, int8=0.5, int8_sqnr_db=9.8).line)
    stages, hmean: onnx 0.7500 -> ncnn fp32 0.7000 (lost 0.0500) -> int8 0.5000 (lost 0.2000, outputs 9.8 dB): of the \
loss 20 % by conversion to ncnn, 80 % by quantization
    """

    metric: Metric
    onnx: float
    fp32: float
    int8: float
    fp32_sqnr_db: float | None = None
    """SQNR of the outputs of ncnn fp32 against those of ONNX; None: not measured."""
    int8_sqnr_db: float | None = None
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
            f"({self._step(conversion, self.fp32_sqnr_db)}) -> int8 {number(self.int8)} "
            f"({self._step(quantization, self.int8_sqnr_db)}): {self.conclusion}"
        )

    def _printed(self, value: float) -> float:
        return float(self.metric.number(value)) + 0.0  # the sum turns -0.0 into 0.0

    def _step(self, lost: float, sqnr_db: float | None) -> str:
        changed = f"{'gained' if lost < 0 else 'lost'} {self.metric.difference(abs(lost))}"
        if sqnr_db is None:
            return changed
        note = sqnr_note(sqnr_db)
        return f"{changed}, outputs {f'{sqnr_db:.1f} dB' if note is None else note}"


def measured_stages(
    metric: Metric, int8: Measurement, onnx: Measurement, agreement: OutputAgreement, diagnosis: Entry
) -> list[str]:
    """The way of one metric, from what was measured; ``diagnosis`` is that of the layers, as the report has it."""
    pair, before = int8.comparison.metrics.get(metric.name), onnx.comparison.metrics.get(metric.name)
    if pair is None or before is None:
        return []
    output = diagnosis.get("output")
    stages = Stages(
        metric,
        onnx=before.int8,
        fp32=before.fp32,
        int8=pair.int8,
        fp32_sqnr_db=round(agreement.worst[1], 2),
        int8_sqnr_db=None if output is None else _sqnr_db(output),
    )
    return [stages.line]


def stage_lines(model: Entry, metrics: Iterable[str]) -> list[str]:
    """The way of some metrics of a model, from its entry of the report; none where its ONNX file was not measured."""
    if "onnx" not in model:
        return []
    outputs, known = model["onnx"]["outputs"], model["onnx"]["metrics"]
    diagnosed = model.get("diagnosis", {}).get("output")
    return [
        Stages(
            METRICS[name],
            onnx=known[name]["onnx"],
            fp32=known[name]["fp32"],
            int8=model["metrics"][name]["int8"],
            fp32_sqnr_db=_sqnr_db(outputs["blobs"][outputs["worst"]]),
            int8_sqnr_db=None if diagnosed is None else _sqnr_db(diagnosed),
        ).line
        for name in metrics
        if name in known and name in model["metrics"]
    ]


def _sqnr_db(entry: Entry) -> float:
    value: float | None = entry["sqnr_db"]
    return sqnr_of_note(entry["note"]) if value is None else value
