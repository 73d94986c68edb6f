"""Weights in blocks of few bits, as ncnn's tool for language models writes them: they have no tag, and scales break."""

from __future__ import annotations

from pathlib import Path

import ncnn
import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.files.lint import lint_scales
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.files.weights import Weights, walk
from pytest_quant.spec.errors import ModelFileError

BLOCK = 32
OF_INPUT = 10
"""In a quantization term: inputs have scales, too."""


def packed(codes: NDArray[np.int64], bits: int) -> bytes:
    """Rows of integers of few bits, each row in whole bytes, the whole in words."""
    rows = b""
    for row in codes:
        number = sum((int(code) & ((1 << bits) - 1)) << place * bits for place, code in enumerate(row))
        rows += number.to_bytes((len(row) * bits + 7) // 8, "little")
    return rows + b"\0" * (-len(rows) % 4)


class Product:
    """A product with a matrix of integers in blocks; blocks are scaled by 20, 21, ..., inputs by 1, 1.1, ..."""

    def __init__(self, folder: Path, bits: int, inputs: int, *, of_input: bool = False) -> None:
        rng = np.random.default_rng(3)
        most = (1 << (bits - 1)) - 1
        self.codes = rng.integers(-most, most + 1, (4, inputs))
        blocks = -(-inputs // BLOCK)
        self.scales = (20 + np.arange(4 * blocks, dtype=np.float32)).reshape(4, blocks)
        self.of_input = (1 + 0.1 * np.arange(inputs)).astype(np.float32) if of_input else np.zeros(0, np.float32)
        self.param, self.bin = folder / "net.param", folder / "net.bin"
        self._bits = bits
        term = 100 * bits + (OF_INPUT if of_input else 0)
        layer = f"Gemm product 1 1 in0 out0 3=1 5=1 6=1 8=4 9={inputs} 10=-1 18={term}"
        self.param.write_text(f"7767517\n2 2\nInput in0 0 1 in0\n{layer}\n")
        self.write()

    def write(self) -> None:
        self.bin.write_bytes(packed(self.codes, self._bits) + self.scales.tobytes() + self.of_input.tobytes())

    def walked(self) -> Weights:
        return walk(read_param(self.param), self.bin)

    def expected(self, given: NDArray[np.float32]) -> NDArray[np.float32]:
        inputs = given * self.of_input if self.of_input.size else given
        every = np.repeat(self.scales, BLOCK, axis=1)[:, : self.codes.shape[1]]
        return np.asarray(inputs @ (self.codes / every).T, np.float32)

    def answer(self, given: NDArray[np.float32]) -> NDArray[np.float32]:
        net = ncnn.Net()
        net.opt.num_threads = 1
        assert net.load_param(str(self.param)) == 0
        assert net.load_model(str(self.bin)) == 0
        extractor = net.create_extractor()
        held = ncnn.Mat(given)
        extractor.input("in0", held)
        return np.array(extractor.extract("out0")[1])


@pytest.mark.parametrize("of_input", [False, True])
@pytest.mark.parametrize(("bits", "inputs"), [(4, 64), (4, 33), (6, 64), (6, 35), (8, 64), (8, 33)])
def test_the_walk_finds_what_ncnn_reads(tmp_path: Path, bits: int, inputs: int, of_input: bool) -> None:
    product = Product(tmp_path, bits, inputs, of_input=of_input)
    weights = product.walked()
    arrays = weights.of(read_param(product.param).layers[1])
    assert weights.read(arrays["block_scales"]).tolist() == product.scales.reshape(-1).tolist()
    assert arrays["weight"].storage == "packed"
    assert lint_scales(weights) == []
    given = np.random.default_rng(4).normal(size=(2, inputs)).astype(np.float32)
    expected = product.expected(given)
    noise = np.square(product.answer(given) - expected).mean() / np.square(expected).mean()
    assert noise < 1e-3  # its inputs are rounded to 8 bits


def test_a_file_that_lacks_its_last_scale(tmp_path: Path) -> None:
    product = Product(tmp_path, 4, 64)
    product.bin.write_bytes(product.bin.read_bytes()[:-4])
    with pytest.raises(ModelFileError, match="at least 4 are missing"):
        product.walked()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0.0, "1 of 8 block scales are zero: ncnn answers with NaN"),
        (np.inf, "1 of 8 block scales are infinite: ncnn answers with NaN"),
        (1e-30, "block scale 1e-30 is far outside of what weights have (median 23.5)"),
    ],
)
def test_a_scale_of_a_block_that_breaks_the_net(tmp_path: Path, value: float, says: str) -> None:
    product = Product(tmp_path, 8, 64)
    product.scales[1, 0] = value
    product.write()
    (found,) = lint_scales(product.walked())
    assert (found.severity, found.layer) == ("error", "product")
    assert says in found.message
    if value != 1e-30:
        assert np.isnan(product.answer(np.ones((2, 64), np.float32))).any()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((np.inf,), "1 of 64 input scales are infinite"),
        ((1e30,), "input scale 1e+30 is far outside of what inputs have"),
        ((0.0,) * 64, "all 64 input scales are zero: nothing passes the layer"),
    ],
)
def test_a_scale_of_an_input_that_breaks_the_net(tmp_path: Path, values: tuple[float, ...], says: str) -> None:
    product = Product(tmp_path, 8, 64, of_input=True)
    product.of_input[: len(values)] = values
    product.write()
    (found,) = lint_scales(product.walked())
    assert (found.severity, found.layer) == ("error", "product")
    assert says in found.message


@pytest.mark.parametrize(
    ("value", "says"),
    [(0.0, "1 of 4 weight scales are zero, by which ncnn divides"), (1e-30, "weight scale 1e-30 is far outside")],
)
def test_scales_of_a_constant_first_factor(tmp_path: Path, value: float, says: str) -> None:
    layer = "Gemm product 1 1 in0 out0 4=1 6=1 7=4 9=8 10=-1 18=2"
    (tmp_path / "net.param").write_text(f"7767517\n2 2\nInput in0 0 1 in0\n{layer}\n")
    scales = np.array([value, 30, 31, 32], np.float32)
    codes = np.arange(32, dtype=np.int8)
    (tmp_path / "net.bin").write_bytes(0x000D4B38.to_bytes(4, "little") + codes.tobytes() + scales.tobytes())
    (found,) = lint_scales(walk(read_param(tmp_path / "net.param"), tmp_path / "net.bin"))
    assert found.severity == "error"
    assert says in found.message
