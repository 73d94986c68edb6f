"""``int8``: the int8 net really is quantized, by its files alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import JudgedLimit
from pytest_quant.judging.limits.written import Written
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.text import first_few, listed
from pytest_quant.spec.verdict import Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.judging.subject import Subject


@dataclass(frozen=True)
class Quantized(JudgedLimit):
    """Some layer of the int8 net is quantized."""

    kind: ClassVar[str] = "int8"
    needs_dataset: ClassVar[bool] = False
    stands_alone: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """``int8``."""
        return self.kind

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """Every model has it."""
        yield cls()

    def judge(self, subject: Subject) -> Verdict:
        """Count the quantized layers of each type."""
        from pytest_quant.judging.file_names import file_name
        from pytest_quant.nets.ncnn.files.facts import inspect_net
        from pytest_quant.nets.ncnn.files.grouped import WHY, garbled_layers
        from pytest_quant.nets.ncnn.files.param import read_param

        model = subject.built()
        facts = inspect_net(model.int8.param, model.int8.bin)
        counts = {name: len(layers) for name, layers in facts.quantized.items()}
        of = {name: len(layers) for name, layers in facts.quantizable.items()}
        if not counts:
            floats = listed(f"{count} {name}" for name, count in of.items()) or "none"
            return Verdict(
                "fail",
                f"{file_name(model, model.int8.param)} has no quantized layer: it is a float net under `int8` "
                f"(layers that could be int8: {floats})",
                value=0.0,
            )
        layers = listed(f"{name} {count} of {of.get(name, count)}" for name, count in counts.items())
        names = [name for layers_of in facts.quantized.values() for name in layers_of]
        garbled = garbled_layers(read_param(model.int8.param), names)
        warning = f"; beware: {first_few(garbled)}: {WHY}" if garbled else ""
        return Verdict("pass", f"quantized layers: {layers}{warning}", value=float(sum(counts.values())))
