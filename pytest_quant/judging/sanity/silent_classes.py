"""``silent-classes``: classes that int8 never answers though fp32 does, which a mean over all samples hides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pytest_quant.datasets.base import names_of
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.spec.text import first_few
from pytest_quant.tasks.classification.prediction import ClassPrediction

_LEAST = 5
"""So many samples of a class that fp32 is right on make its absence in int8 no accident."""


def find_silent(look: Look) -> Iterator[Finding]:
    """A warning about classifiers."""
    fp32, int8 = (look.predictions[net] for net in ("fp32", "int8"))
    if not all(isinstance(prediction, ClassPrediction) for prediction in fp32):
        return
    right = Counter(one.label for one, sample in zip(fp32, look.samples, strict=True) if one.label == sample.truth)
    answered = {prediction.label for prediction in int8}
    silent = sorted(label for label, count in right.items() if count >= _LEAST and label not in answered)
    if silent:
        names = names_of(look.dataset) or ()
        called = [names[label] if label < len(names) else str(label) for label in silent]
        told = sum(right[label] for label in silent)
        yield Finding(
            "silent-classes",
            "warning",
            f"int8 never answers {len(silent)} of {len(right)} classes ({first_few(called)}), "
            f"on which fp32 is right {told} times",
            "look at the last layer: its bias, or the scales of those channels",
        )
