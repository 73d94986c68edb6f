"""The numbers that are reported, and those that resamples start from, are pycocotools' to the last digit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_quant.tasks.base import Resampled

from .scenes import predictions, scene
from .test_metric import compare, truth_with_one_person


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 100_000))
def test_a_resample_in_which_each_image_counts_once_is_the_measured_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truths = [*scene(rng, 6), truth_with_one_person()]
    comparison = compare(truths, predictions(rng, truths), predictions(rng, truths))
    for pair in comparison.metrics.values():
        assert isinstance(pair.evidence, Resampled)
        once = np.ones((1, pair.evidence.images), np.int64)
        assert (pair.evidence.fp32(once)[0], pair.evidence.int8(once)[0]) == (pair.fp32, pair.int8)
