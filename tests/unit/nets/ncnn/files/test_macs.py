from __future__ import annotations

import pytest

from pytest_quant.nets.ncnn.files.layer_params import ParamValue
from pytest_quant.nets.ncnn.files.macs import multiply_accumulates
from pytest_quant.nets.ncnn.files.param import Layer


@pytest.mark.parametrize(
    ("type_", "params", "bottom", "top", "expected"),
    [
        # by hand: outputs * inputs * taps * places
        ("Convolution", {0: 64, 1: 3, 3: 2, 6: 64 * 3 * 9}, (3, 227, 227), (64, 113, 113), 64 * 3 * 9 * 113**2),
        ("ConvolutionDepthWise", {0: 8, 1: 3, 6: 72, 7: 8}, (8, 5, 7), (8, 5, 7), 8 * 9 * 35),
        ("ConvolutionDepthWise", {0: 8, 1: 3, 6: 8 * 2 * 9, 7: 4}, (8, 5, 7), (8, 5, 7), 8 * 2 * 9 * 35),
        ("Convolution1D", {0: 4, 1: 3, 6: 4 * 2 * 3}, (2, 10), (4, 8), 4 * 2 * 3 * 8),
        ("Deconvolution", {0: 4, 1: 2, 3: 2, 6: 4 * 6 * 4}, (6, 10, 10), (4, 20, 20), 4 * 6 * 4 * 100),
        ("InnerProduct", {0: 10, 2: 640}, (64,), (10,), 640),
        ("InnerProduct", {0: 10, 2: 640}, (4, 4, 4), (10,), 640),
        ("InnerProduct", {0: 10, 2: 640}, (7, 64), (7, 10), 7 * 640),
        ("Pooling", {}, (3, 4, 4), (3, 2, 2), None),
        ("Convolution", {0: 4, 1: 3, 19: 1}, (3, 4, 4), (4, 2, 2), None),  # its weights are an input
    ],
)
def test_counts(
    type_: str, params: dict[int, ParamValue], bottom: tuple[int, ...], top: tuple[int, ...], expected: int | None
) -> None:
    layer = Layer(type_, "layer", ("a",), ("b",), params, 1)
    assert multiply_accumulates(layer, [bottom], [top]) == expected
