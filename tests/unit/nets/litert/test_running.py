"""LiteRT runs `.tflite` files like every net: channels first and real numbers on both sides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_quant.extending.known import get_format
from pytest_quant.spec.errors import ModelFileError, RunnerError
from tests import tiny_litert
from tests.unit.nets.nets import expected, image, net_of, run

pytest.importorskip("ai_edge_litert", reason='the extra is not installed: pip install "pytest-quant[litert]"')

RUNTIMES = pytest.mark.parametrize("runtime", ["reference", "deploy"])


@RUNTIMES
def test_float(tmp_path: Path, runtime: Any) -> None:
    path = tmp_path / tiny_litert.write_tflite(tmp_path)
    np.testing.assert_allclose(run(net_of("litert", path, runtime=runtime), image()), expected(image()), rtol=1e-5)


@RUNTIMES
@pytest.mark.parametrize(("form", "off"), [("int8", 0.02), ("int16x8", 2e-3), ("dynamic", 2e-3)])
def test_quantized(tmp_path: Path, form: Any, off: float, runtime: Any) -> None:
    """Scales and zero points of input and output are applied on the way."""
    path = tmp_path / tiny_litert.write_tflite(tmp_path, form=form)
    found = run(net_of("litert", path, runtime=runtime), image())
    np.testing.assert_allclose(found, expected(image()), atol=off)
    assert not np.allclose(found, expected(image()), atol=1e-6)


def test_a_zero_point_and_values_outside_the_range(tmp_path: Path) -> None:
    """Integers end at their range, as on the device."""
    path = tmp_path / tiny_litert.write_tflite(tmp_path, form="int8", scale=1 / 127, zero=-64)
    net = net_of("litert", path)
    np.testing.assert_allclose(run(net, image() * 0.5), expected(image() * 0.5), atol=0.02)
    low = np.full((3, 8, 8), -64 / 127, np.float32)
    assert np.array_equal(run(net, low * 5), run(net, low))


def test_open_sizes_and_the_names_of_a_signature(tmp_path: Path) -> None:
    path = tmp_path / tiny_litert.write_tflite(tmp_path, open_size=True, signature=True)
    net = net_of("litert", path, input_name="args_0", output_names=("output_0",))
    runner = get_format("litert").open(net)
    for array in (image(), image(5, 9), image()):
        np.testing.assert_allclose(runner.run(array)["prob"], expected(array), rtol=1e-5)
    runner.close()


def test_another_size_than_the_file_fixes(tmp_path: Path) -> None:
    net = net_of("litert", tmp_path / tiny_litert.write_tflite(tmp_path))
    with pytest.raises(RunnerError, match="width 9 and height 5, the file fixes them to"):
        run(net, image(5, 9))


def test_an_operator_that_litert_does_not_have(tmp_path: Path) -> None:
    net = net_of("litert", tmp_path / tiny_litert.write_tflite(tmp_path, custom="MyOp"))
    get_format("litert").inspect(net)
    with pytest.raises(ModelFileError, match="has custom operators"):
        get_format("litert").open(net)


def test_each_thread_has_an_interpreter(tmp_path: Path) -> None:
    net = net_of("litert", tmp_path / tiny_litert.write_tflite(tmp_path, form="int8"))
    once = run(net, image())
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(found, once) for found in pool.map(lambda _: run(net, image()), range(16)))
