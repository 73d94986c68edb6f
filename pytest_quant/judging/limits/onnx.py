"""``onnx``: the ONNX file and the ncnn fp32 net must be the same model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import MetricLimit
from pytest_quant.judging.limits.written import Written
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.metric import SQNR_DB
from pytest_quant.spec.net import Net
from pytest_quant.spec.number import share_of_range
from pytest_quant.spec.verdict import Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.evaluation.agreement import OutputAgreement
    from pytest_quant.evaluation.measurement import Measurement
    from pytest_quant.judging.part_subject import PartSubject
    from pytest_quant.judging.subject import Subject

PARITY_WITHIN_PCT = 0.1
"""How far the metric of an ONNX file and of the ncnn fp32 net may be apart, in percent of the metric's range; of the
fp32 value where it has none."""

PARITY_SQNR_DB = 40.0
"""Least agreement of their raw outputs. Another order of additions costs nothing near it (above 100 dB), half precision
gives about 70, int8 some 25 to 35."""

_STRANGERS_DB = 3.0
"""Outputs with less in common are not one model's, converted with some loss."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Parity(MetricLimit):
    """The same metric, and the same raw outputs."""

    kind: ClassVar[str] = "onnx"
    stands_alone: ClassVar[bool] = False

    least_sqnr_db: float = PARITY_SQNR_DB
    """Least signal to noise ratio of the raw outputs, the ONNX file's being the signal."""

    @property
    def name(self) -> str:
        """Such as ``onnx[top1]``."""
        return f"onnx[{self.metric.name}]"

    @property
    def recorded(self) -> float | None:
        """Largest difference of the metric; not known before the fp32 value is where the metric has no range."""
        return None if self.metric.maximum is None else self.within()

    @property
    def net(self) -> Net:
        """The model before conversion."""
        return "onnx"

    def within(self, fp32: float = 0.0) -> float:
        """Largest difference of the metric, either way, in its own unit."""
        return share_of_range(self.metric, PARITY_WITHIN_PCT, fp32)

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """One per metric that another limit names, where the entry names an ONNX file."""
        if written.get("onnx") is None:
            return
        named = (limit.metric for limit in others if limit.metric is not None)
        metrics = dict.fromkeys(metric for metric in named if metric != SQNR_DB)
        if not metrics:
            raise ConfigError(
                f"{written.place(('onnx',))}: no limit of the model names a metric, so there is none to compare: give "
                "it a tolerance, a floor or a published value"
            )
        yield from map(cls, metrics)

    def gather(self, part: PartSubject) -> None:
        """Those of int8, fp32 and the ONNX file, and the raw outputs of the first samples."""
        part.predictions("int8")
        part.predictions(self.net)
        part.first_outputs(self.net, "fp32")

    def judge(self, subject: Subject) -> Verdict:
        """Hold both against each other on the samples of int8, and their outputs on the first of them."""
        return self.of_measured(subject.measurement(self.net), subject.agreement())

    def of_measured(self, measurement: Measurement, agreement: OutputAgreement) -> Verdict:
        """The verdict on a measurement that has the ONNX file in the place of int8."""
        from pytest_quant.evidence.likeness import sqnr_note
        from pytest_quant.judging.intervals import pair_of

        pair = pair_of(measurement, self.metric)
        metric, difference, within = pair.metric, abs(pair.drop), self.within(pair.fp32)
        is_near = difference <= within + _ROUNDING
        blob, sqnr_db = agreement.worst
        fp32 = measurement.model.nets["fp32"].format
        is_same = sqnr_db >= self.least_sqnr_db
        reason = (
            f"onnx {metric.name} = {metric.number(pair.int8)}, {fp32} fp32 = {metric.number(pair.fp32)} (n = "
            f"{measurement.evaluated} of {measurement.total}): they differ by {metric.difference(difference)} "
            f"{'<=' if is_near else '>'} {metric.number(within)}; raw outputs on {agreement.samples} samples, worst "
            f"output {blob}: SQNR {sqnr_note(sqnr_db) or f'{sqnr_db:.1f} dB'} {'>=' if is_same else '<'} "
            f"{self.least_sqnr_db:g} dB ({measurement.runtime})"
        )
        if sqnr_db < _STRANGERS_DB:
            reason += "; outputs as far apart as these are those of two models, or of two ways to normalize the input"
        return Verdict("pass" if is_near and is_same else "fail", reason, value=difference, limit=within)
