"""``speedup``: how many times as fast as fp32 int8 has to be, where the nets run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import NumberLimit, ZooKeys
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import brief
from pytest_quant.spec.verdict import Decision, Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.evaluation.speed import Times
    from pytest_quant.evaluation.workbench import Workbench
    from pytest_quant.judging.part_subject import PartSubject
    from pytest_quant.judging.subject import Subject
    from pytest_quant.spec.model import ModelSpec


@dataclass(frozen=True)
class LeastSpeedup(NumberLimit):
    """int8 is at least so many times as fast as fp32."""

    kind: ClassVar[str] = "speedup"
    zoo_keys: ClassVar[ZooKeys] = {"speedup": (object, None)}

    @classmethod
    def parse(cls, raw: object) -> Self:
        """A number above 0; raises `ConfigError` without a place."""
        if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not 0 < raw < 1000:
            raise ConfigError(
                f"found {brief(raw)}, expected how many times as fast as fp32 int8 has to be, such as 1.2"
            )
        return cls(float(raw))

    def gather(self, part: PartSubject) -> None:
        """The times: one part takes them."""
        if part.is_first:
            self._times(part.bench, part.model)

    def judge(self, subject: Subject) -> Verdict:
        """Take times of both nets in turns, in this very run."""
        return self.of_times(self._times(subject.bench, subject.built()), subject.confidence)

    @staticmethod
    def _times(bench: Workbench, model: ModelSpec) -> Times:
        from pytest_quant.evaluation.speed import measure_times

        return bench.resources.probes.fetch(model, "times", "", lambda: measure_times(bench, model))

    def of_times(self, times: Times, confidence: float) -> Verdict:
        """The verdict: only bounds on one side of the limit decide, so noise alone does not."""
        from statistics import median

        from pytest_quant.evidence.speedup import speedup

        found = speedup(times.fp32_s, times.int8_s, confidence=confidence)
        bounds = found.interval
        decision: Decision = (
            "pass" if bounds.low >= self.number else "fail" if bounds.high < self.number else "inconclusive"
        )
        sign = {"pass": ">=", "fail": "<"}.get(decision, "is neither surely above nor surely below")
        fp32_ms, int8_ms = (1000 * median(side.tolist()) for side in (times.fp32_s, times.int8_s))
        runtimes = " and ".join(dict.fromkeys(times.runtimes))
        reason = (
            f"speedup = {fp32_ms:.3g} ms / {int8_ms:.3g} ms = {found.ratio:.2f} ({100 * bounds.level:.4g}% CI "
            f"{bounds.low:.2f} to {bounds.high:.2f}, {times.fp32_s.size} turns on {times.samples} samples) {sign} "
            f"{self.number:.2f}; {runtimes}, 1 thread"
        )
        if decision == "inconclusive":
            reason += ": run again on a machine that does nothing else, or leave more room"
        return Verdict(decision, reason, value=found.ratio, limit=self.number)
