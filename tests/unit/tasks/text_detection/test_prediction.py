from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.tasks.text_detection.prediction import (
    TextPrediction,
    make_prediction,
    pack_predictions,
    unpack_predictions,
)


def random_prediction(seed: int) -> TextPrediction:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 4))
    polygons = [rng.normal(0, 900, (int(rng.integers(3, 9)), 2)) for _ in range(count)]
    return make_prediction(polygons, rng.random(count).tolist(), int(rng.integers(0, 3)))


@given(st.lists(st.integers(0, 1000), max_size=5))
def test_packed_predictions_come_back_equal(seeds: list[int]) -> None:
    predictions = [random_prediction(seed) for seed in seeds]
    arrays = pack_predictions(predictions)
    assert {array.dtype.name for array in arrays.values()} <= {"float64", "int32"}
    assert unpack_predictions(arrays) == predictions


def test_predictions_differ_in_each_of_their_parts() -> None:
    base = make_prediction([np.eye(3, 2)], [0.5])
    others = [
        make_prediction([np.eye(3, 2) + 1], [0.5]),
        make_prediction([np.eye(3, 2)], [0.6]),
        make_prediction([np.eye(3, 2)], [0.5], 1),
        make_prediction([], []),
        make_prediction([np.eye(4, 2)], [0.5]),
    ]
    assert base == make_prediction([np.eye(3, 2)], [0.5])
    assert not any(base == other for other in others)
    assert base != "prediction"


def test_a_prediction_is_no_key() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(make_prediction([], []))
