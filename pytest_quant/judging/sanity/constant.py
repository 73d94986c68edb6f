"""``constant``: a net says the same of every sample, so it does not look at them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.model_runner import ModelRunner
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.nets.base import Array
from pytest_quant.nets.given import Given
from pytest_quant.spec.net import Net

_RUN_AGAIN = 4
"""Samples whose raw outputs are compared before a net is accused: predictions may be equal where outputs are not."""


def find_constant(look: Look) -> Iterator[Finding]:
    """An error for each net whose answers to two or more different samples are all equal."""
    for net, answers in look.answers.items():
        contents = dict(list(zip(look.on_samples.digests, look.samples, strict=True))[: len(answers)])
        if len(contents) < 2 or len(set(answers)) > 1:
            continue
        if _is_constant(look, net, list(contents.items())[:_RUN_AGAIN]):
            yield Finding(
                "constant",
                "error",
                f"{net} gives the same output for each of {len(answers)} samples",
                "are its weights damaged (NaN, zero), is it the right `output`, and does `input` give it values in the "
                "range that it was trained on?",
            )


def _is_constant(look: Look, net: Net, samples: Sequence[tuple[str, Sample]]) -> bool:
    """Whether the raw outputs for different inputs are the same, or hold the same values where their sizes differ.

    ``samples``: each with the digest of its content.
    """
    seen: dict[str, _Outputs] = {}
    runner = ModelRunner(look.model, net, look.subject.bench)

    def passes(sample: Sample) -> list[tuple[str, _Outputs]]:
        found: list[tuple[str, _Outputs]] = []

        def noted(given: Given) -> dict[str, Array]:
            outputs = runner.run(given)
            found.append((_given_digest(given), {blob: _Output.of(values) for blob, values in outputs.items()}))
            return outputs

        pipeline = look.on_samples.pipelines[net]
        pipeline.predict(noted, pipeline.prepare(look.dataset.read(sample, orient=look.orient), sample))
        return found

    try:
        for content, sample in samples:
            for digest, outputs in look.probe(f"passes of {net}", f"{content} {sample.extra}", partial(passes, sample)):
                seen.setdefault(digest, outputs)
    finally:
        runner.close()
    first, *others = list(seen.values()) or [{}]
    return bool(others) and all(one[blob].is_like(output) for one in others for blob, output in first.items())


@dataclass(frozen=True)
class _Output:
    """A raw output, by digests of it and of the values that it holds."""

    shape: tuple[int, ...]
    sha256: str
    values_sha256: str

    @classmethod
    def of(cls, array: Array) -> _Output:
        """Zeros of either sign are the same."""
        return cls(array.shape, _digest(array), _digest(np.unique(array)))

    def is_like(self, other: _Output) -> bool:
        """Whether it is the same, or holds the same values in another size."""
        return self.sha256 == other.sha256 if self.shape == other.shape else self.values_sha256 == other.values_sha256


_Outputs = dict[str, _Output]


def _digest(array: Array) -> str:
    plain = np.ascontiguousarray(array) + 0  # -0.0 becomes 0.0
    return hashlib.sha256(repr((plain.shape, plain.dtype.str)).encode() + plain.tobytes()).hexdigest()


def _given_digest(given: Given) -> str:
    arrays = given if isinstance(given, Mapping) else {"": given}
    return hashlib.sha256(repr(sorted((name, _digest(array)) for name, array in arrays.items())).encode()).hexdigest()
