from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from pytest_quant.quantize.histogram import Binner
from pytest_quant.quantize.kl import BINS


@given(arrays(np.float32, array_shapes(max_dims=3, max_side=40), elements=st.floats(-100, 100, width=32)))
def test_bins_are_those_of_the_plain_formula(values: NDArray[Any]) -> None:
    absmax = np.abs(values).max()
    counted = Binner(float(absmax))
    counted.add(values)
    counted.add(values)
    nonzero = np.abs(values[values != 0])
    indexes = np.minimum((nonzero / absmax * np.float32(BINS)).astype(int), BINS - 1)
    np.testing.assert_array_equal(counted.histogram, 2 * np.bincount(indexes, minlength=BINS))
    assert counted.zeros == 2 * (values.size - nonzero.size)


def test_more_values_than_a_chunk_holds() -> None:
    values = np.tile(np.array([0, 1, -2], np.float32), 100_000)
    counted = Binner(2.0)
    counted.add(values)
    assert counted.zeros == 100_000
    assert {int(i): int(counted.histogram[i]) for i in np.flatnonzero(counted.histogram)} == {
        1024: 100_000,
        2047: 100_000,
    }
