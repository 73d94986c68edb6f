"""A scale that no net works with is named by the `int8` case, also where no table is there to be looked at."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests import tiny
from tests.integration.runs import run_quant

INF = float("inf")


def put(path: Path, offset: int, *values: float) -> None:
    """Overwrite floats, counted in bytes from the end of the file."""
    data = bytearray(path.read_bytes())
    struct.pack_into(f"<{len(values)}f", data, len(data) + offset, *values)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("offset", "values", "says"),
    [
        (-4, (INF,), "conv: the input scale is infinite"),
        (-4, (0.0,), "conv: the input scale is zero"),
        (-4, (1e-30,), "conv: input scale 1e-30 is an outlier"),
        (-4, (1e30,), "conv: input scale 1e+30 is an outlier"),
        (-20, (INF,) * 4, "conv: all 4 weight scales are 0 or infinite: nothing passes the layer"),
        (-20, (1e-30,), "conv: weight scale 1e-30 is far outside of what weights have"),
        (-20, (INF,), "conv: the scale of 1 of 4 channels is far from what fp32's weights need, such as inf for some "),
        (-20, (0.0,), "conv: the scale of 1 of 4 channels is far from what fp32's weights need, such as 0 for some "),
        (
            -16,
            (1e30,),
            "conv: the scale of 1 of 4 channels is far from what fp32's weights need, such as 1e+30 for some ",
        ),
        (-20, (3e38,) * 4, "conv: all 4 weight scales are 0, infinite or beyond 1e+15: nothing passes the layer"),
        (
            -20,
            (3e14,) * 4,
            "conv: the scale of 3 of 4 channels is far from what fp32's weights need, such as 3e+14 for some ",
        ),
    ],
)
def test_a_bad_scale_in_the_bin(pytester: pytest.Pytester, offset: int, values: tuple[float, ...], says: str) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    tiny.write_zoo(folder)
    put(folder / "tiny-int8.bin", offset, *values)
    case = run_quant(pytester).cases["tiny::int8"]
    assert (case["verdict"], case["outcome"]) == ("fail", "failed")
    assert case["reason"].startswith("tiny-int8.param holds scales that no net works with: ")
    assert says in case["reason"]


def test_a_scale_that_is_no_number_is_damage(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    tiny.write_zoo(folder)
    put(folder / "tiny-int8.bin", -4, float("nan"))
    case = run_quant(pytester).cases["tiny::config"]
    assert "the bottom_scale of layer 'conv' (Convolution) holds nan" in case["reason"]


def test_a_channel_that_is_dead_in_int8_alone_is_no_fault(pytester: pytest.Pytester) -> None:
    """As training on with quantization may leave it: all its codes are the same."""
    folder = pytester.path
    tiny.write_images(folder, 12)
    tiny.write_zoo(folder)
    file = folder / "tiny-int8.bin"
    data = bytearray(file.read_bytes())
    data[4:7] = b"\0\0\0"
    file.write_bytes(data)
    put(file, -20, INF)
    assert run_quant(pytester).cases["tiny::int8"]["verdict"] == "pass"


def test_a_float_net_of_absurd_weights_proves_nothing(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    tiny.write_zoo(folder)
    put(folder / "tiny.bin", -64, 3e38)
    assert run_quant(pytester).cases["tiny::int8"]["verdict"] == "pass"
