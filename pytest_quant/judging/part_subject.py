"""A model in one part of an evaluation, as a limit sees it: what it asks for is computed and carried to the merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.agreement import AGREEMENT_SAMPLES
from pytest_quant.evaluation.parts.carrying import Carrier
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.judging.sanity.bit_depth import find_dark
from pytest_quant.judging.sanity.constant import find_constant
from pytest_quant.judging.sanity.look import Look
from pytest_quant.judging.sanity.not_finite import find_not_finite
from pytest_quant.judging.subject import Subject
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.tasks.base import Evidence, Prediction


class PartSubject:
    """One model in one part."""

    def __init__(self, carrier: Carrier, subject: Subject) -> None:
        """``subject``: the model as it is in the whole evaluation."""
        self._carrier = carrier
        self._subject = subject
        self.items: dict[str, object] = {}
        """What was computed, by the names that a `Content` has."""

    @property
    def model(self) -> ModelSpec:
        """With all of its files."""
        return self._carrier.model

    @property
    def bench(self) -> Workbench:
        """That of the whole."""
        return self._carrier.bench

    @property
    def is_first(self) -> bool:
        """Whether it does what one part does for all."""
        return self._carrier.part.index == 1

    def predictions(self, net: Net) -> None:
        """Those of fp32 and another net."""
        self.items |= self._carrier.predictions("fp32", net)

    def outputs(self, signal: Net, other: Net) -> None:
        """How far the raw outputs of a net are from those of ``signal``."""
        self.items |= self._carrier.likeness(signal, other)

    def first_outputs(self, signal: Net, other: Net) -> None:
        """The same on the first samples of the whole."""
        self.items |= self._carrier.likeness(signal, other, AGREEMENT_SAMPLES)

    def look(self) -> None:
        """What the sanity checks look at: `NotedProbes` note what they find out about single samples."""
        self.predictions("int8")
        look = PartLook(self._subject, self._carrier)
        if not look.samples:
            return
        for check in (find_dark, find_constant, find_not_finite):
            list(check(look))
        for net in look.packed:
            shared = look.on_samples.pipelines["fp32"] is look.on_samples.pipelines[net]
            if net != "fp32" and shared and look.packed["fp32"] == look.packed[net]:
                self.first_outputs("fp32", net)


class PartLook(Look):
    """What a check looks at in one part."""

    def __init__(self, subject: Subject, carrier: Carrier) -> None:
        super().__init__(subject)
        object.__setattr__(self, "_carrier", carrier)

    _carrier: Carrier

    @property
    def model(self) -> ModelSpec:
        """With all of its files."""
        return self._carrier.model

    @cached_property
    def samples(self) -> Sequence[Sample]:
        """Those of the part."""
        return self._carrier.samples

    @cached_property
    def predictions(self) -> Mapping[Net, Sequence[Prediction]]:
        """Of fp32 and int8."""
        return self.subject.bench.predictions(self.model, ["fp32", "int8"], self.samples)

    @cached_property
    def further_predictions(self) -> Mapping[Net, Sequence[Prediction]]:
        """Of the further nets that the run evaluates."""
        nets = [net for net in self.model.further_nets if self.subject.expected.needs(self.subject.model, net)]
        return self.subject.bench.predictions(self.model, nets, self.samples) if nets else {}

    @property
    def evidence(self) -> Evidence | None:
        """None where the samples of the part cannot be scored by themselves."""
        sides = self.predictions["fp32"], self.predictions["int8"]
        try:
            pairs = self.on_samples.pipeline.compare(self.samples, *sides).metrics
        except DatasetError:
            return None
        return next(iter(pairs.values())).evidence if pairs else None
