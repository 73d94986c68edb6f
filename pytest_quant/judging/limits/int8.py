"""``int8``: a net that is called so really is quantized, with scales that can be right, by its files alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import JudgedLimit
from pytest_quant.judging.limits.written import Written
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import first_few, listed
from pytest_quant.spec.verdict import Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.judging.subject import Subject

_FAULTS_SHOWN = 5


@dataclass(frozen=True)
class Quantized(JudgedLimit):
    """Some layer of the net is quantized, and none of its scales clips or erases everything."""

    kind: ClassVar[str] = "int8"
    needs_dataset: ClassVar[bool] = False
    stands_alone: ClassVar[bool] = False

    held: Net = "int8"
    """Whose files it is about."""

    @property
    def name(self) -> str:
        """``int8``, or ``int8[NET]`` of a further net."""
        return self.kind if self.held == "int8" else f"{self.kind}[{self.held}]"

    @property
    def net(self) -> Net:
        """int8, or the further net."""
        return self.held

    @property
    def keys(self) -> tuple[str, ...]:
        """``int8``, or ``nets.NET`` of a further net."""
        return (self.held,) if self.held in ("int8", "onnx_int8") else ("nets", self.held)

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """Every model has it, and each of its further nets whose name says that it is int8."""
        yield cls()
        for net, _, _ in written.of_nets("tolerance"):
            if "int8" in net.lower():
                yield cls(net)

    def judge(self, subject: Subject) -> Verdict:
        """Count the quantized layers of each type."""
        from pytest_quant.extending.known import get_format
        from pytest_quant.judging.file_names import file_name

        subject.model.check_usable(self.held)
        model = subject.built()
        net = model.net(self.held)
        runtime = get_format(net.format)
        facts = runtime.inspect(net)
        if not facts.quantized:
            floats = listed(f"{count} {name}" for name, count in facts.quantizable.items()) or "none"
            first = next(iter(runtime.files(net).values()))
            return Verdict(
                "fail",
                f"{file_name(model, first)} has no quantized layer: it is a float net under `{self.held}` "
                f"(layers that could be int8: {floats})",
                value=0.0,
            )
        faults = runtime.faults(net)
        if not faults and "fp32" not in model.unusable:  # which is another case's error
            faults = runtime.faults_beside(net, model.net("fp32"))
        if faults:
            first = next(iter(runtime.files(net).values()))
            return Verdict(
                "fail",
                f"{file_name(model, first)} holds scales that no net works with: {_few(faults)}",
                value=float(sum(facts.quantized.values())),
            )
        counts = facts.quantized.items()
        layers = listed(f"{name} {count} of {facts.quantizable.get(name, count)}" for name, count in counts)
        form = f" ({facts.form})" if facts.form else ""
        floats = f"; float: {first_few(facts.kept_float)}" if facts.kept_float else ""
        warning = runtime.warning(net)
        beware = f"; beware: {warning}" if warning else ""
        return Verdict(
            "pass", f"quantized layers: {layers}{form}{floats}{beware}", value=float(sum(facts.quantized.values()))
        )


def _few(faults: Sequence[str]) -> str:
    left = len(faults) - _FAULTS_SHOWN
    return "; ".join(faults[:_FAULTS_SHOWN]) + (f"; and {left} more" if left > 0 else "")
