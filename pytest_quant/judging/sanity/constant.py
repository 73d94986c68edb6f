"""``constant``: a net says the same of every sample, so it does not look at them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.model_runner import ModelRunner
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.nets.base import Array
from pytest_quant.nets.given import Given, same
from pytest_quant.spec.net import Net

_RUN_AGAIN = 4
"""Samples whose raw outputs are compared before a net is accused: predictions may be equal where outputs are not."""


def find_constant(look: Look) -> Iterator[Finding]:
    """An error for each net whose answers to two or more different samples are all equal."""
    for net, answers in look.answers.items():
        contents = dict(list(zip(look.on_samples.digests, look.samples, strict=True))[: len(answers)])
        if len(contents) < 2 or len(set(answers)) > 1:
            continue
        if _is_constant(look, net, list(contents.values())[:_RUN_AGAIN]):
            yield Finding(
                "constant",
                "error",
                f"{net} gives the same output for each of {len(answers)} samples",
                "are its weights damaged (NaN, zero), is it the right `output`, and does `input` give it values in the "
                "range that it was trained on?",
            )


def _is_constant(look: Look, net: Net, samples: Sequence[Sample]) -> bool:
    """Whether the raw outputs for different inputs are the same, or hold the same values where their sizes differ."""
    inputs: list[Given] = []
    seen: list[dict[str, Array]] = []
    runner = ModelRunner(look.model, net, look.subject.bench)
    task_pipeline = look.on_samples.pipelines[net]

    def noted(given: Given) -> dict[str, Array]:
        found = {blob: np.array(values) for blob, values in runner.run(given).items()}
        if not any(same(given, known) for known in inputs):
            inputs.append(given)
            seen.append(found)
        return found

    try:
        for sample in samples:
            image = look.dataset.read(sample, orient=look.orient)
            task_pipeline.predict(noted, task_pipeline.prepare(image, sample))
    finally:
        runner.close()
    return len(seen) > 1 and all(_equal(seen[0], other) for other in seen[1:])


def _equal(one: dict[str, Array], other: dict[str, Array]) -> bool:
    return all(
        np.array_equal(array, other[blob])
        if array.shape == other[blob].shape
        else np.array_equal(np.unique(array), np.unique(other[blob]))
        for blob, array in one.items()
    )
