"""What a check looks at: data and predictions that are there anyway, each read when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pytest_quant.datasets.base import Dataset, Sample
    from pytest_quant.evaluation.measurement import Measurement
    from pytest_quant.evaluation.model_on_samples import ModelOnSamples
    from pytest_quant.judging.sanity.images import Header
    from pytest_quant.judging.subject import Subject
    from pytest_quant.spec.model import ModelSpec
    from pytest_quant.spec.net import Net
    from pytest_quant.tasks.base import Evidence, Prediction

T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """One model with its measurement."""

    subject: Subject

    @cached_property
    def measurement(self) -> Measurement:
        """fp32 and int8 on the same samples."""
        return self.subject.measurement()

    @property
    def evidence(self) -> Evidence | None:
        """Sample by sample of the first metric, where there is one."""
        pairs = self.measurement.comparison.metrics
        return next(iter(pairs.values())).evidence if pairs else None

    @property
    def model(self) -> ModelSpec:
        """With all of its files."""
        return self.measurement.model

    @cached_property
    def dataset(self) -> Dataset:
        """Opened."""
        return self.subject.bench.dataset(self.model.dataset)

    @property
    def orient(self) -> bool:
        """Whether the task's protocol honours EXIF's orientation."""
        from pytest_quant.extending.known import get_task

        return get_task(self.model.task).orient

    @cached_property
    def samples(self) -> Sequence[Sample]:
        """Those that were evaluated, in their order."""
        return self.subject.bench.selection(self.model)[0][: self.measurement.evaluated]

    @cached_property
    def on_samples(self) -> ModelOnSamples:
        """Their digests, and the pipeline."""
        return self.subject.bench.on_samples(self.model, self.samples)

    def probe(self, name: str, key: str, make: Callable[[], T]) -> T:
        """What ``make`` finds out about a sample; in a merge of parts what they have noted of it."""
        return self.subject.bench.resources.probes.fetch(self.model, name, key, make)

    @cached_property
    def headers(self) -> Sequence[Header]:
        """What the headers of the first image files say."""
        from pytest_quant.judging.sanity.images import headers, read_header

        return headers(self.samples, lambda sample, path: self.probe("header", sample.id, lambda: read_header(path)))

    @cached_property
    def predictions(self) -> Mapping[Net, Sequence[Prediction]]:
        """Of fp32 and int8, in the order of the samples."""
        return self.subject.bench.predictions_of(self.measurement)

    @cached_property
    def further_predictions(self) -> Mapping[Net, Sequence[Prediction]]:
        """Of the further nets that this run measures anyway, on the samples that it measures them on.

        One that cannot be measured has cases of its own, which say so.
        """
        from pytest_quant.spec.errors import QuantError

        found: dict[Net, Sequence[Prediction]] = {}
        for net in self.model.further_nets:
            if not self.subject.expected.needs(self.subject.model, net):
                continue
            try:
                measurement = self.subject.measurement(net)
            except QuantError:
                continue
            found[net] = self.subject.bench.predictions_of(measurement)[net]
        return found

    @cached_property
    def answers(self) -> Mapping[Net, Sequence[bytes]]:
        """What each net said of each sample: equal bytes for equal outputs, wherever in the image they lie."""
        from pytest_quant.evaluation.without_labels import Answered, WithoutLabels
        from pytest_quant.tasks.optional import TellsAnswer

        pipeline = self.on_samples.pipeline
        pack = pipeline.pipeline.pack if isinstance(pipeline, WithoutLabels) else pipeline.pack

        def answer(one: Prediction) -> bytes:
            said = one.prediction if isinstance(one, Answered) else one
            return said.answer() if isinstance(said, TellsAnswer) else _bytes(pack([said]))

        found = {**self.predictions, **self.further_predictions}
        return {net: [answer(one) for one in predictions] for net, predictions in found.items()}

    @cached_property
    def packed(self) -> Mapping[Net, bytes]:
        """All predictions of each net in one piece."""
        found = {**self.predictions, **self.further_predictions}
        return {net: _bytes(self.on_samples.pipeline.pack(predictions)) for net, predictions in found.items()}


def _bytes(arrays: Mapping[str, object]) -> bytes:
    import numpy as np

    parts = ((name, np.asarray(array)) for name, array in sorted(arrays.items()))
    return b"".join(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes() for name, array in parts)
