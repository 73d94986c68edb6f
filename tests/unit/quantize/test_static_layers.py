"""Layers of which only the weights have scales: each is written by hand, quantized, loaded and run by ncnn."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files import Table, inspect_net, lint_table, read_param, read_table, walk, write_table
from pytest_quant.nets.ncnn.files.table import format_table
from pytest_quant.nets.ncnn.files.writer import pack_bare, pack_fp32
from pytest_quant.quantize.calibration import calibrate
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.spec.errors import ConfigError, ModelFileError

from .nets import Net

Array = NDArray[np.float32]


def spread(*shape: int, seed: int = 0) -> Array:
    """Values from -0.5 to 0.5 without order, the same with every NumPy, since digests below depend on them."""
    numbers = (np.arange(math.prod(shape)) * 7919 + (seed + 1) * 104729) % 2003
    return ((numbers - 1001) / 2002).astype(np.float32).reshape(shape)


@dataclass(frozen=True)
class Case:
    """Layer lines from ``in0`` to ``out0``, their weights and an input."""

    lines: str
    data: bytes
    array: Array
    int8_arrays: int
    tabled: bool = True


def recurrent(kind: str, directions: int, outputs: int = 8, hidden: int = 8, inputs: int = 12) -> Case:
    gates, biases = {"RNN": (1, 1), "LSTM": (4, 4), "GRU": (3, 4)}[kind]
    data = pack_fp32(spread(directions * hidden * gates, inputs)) + pack_fp32(spread(directions * hidden * biases) / 8)
    data += pack_fp32(spread(directions * hidden * gates, outputs, seed=1))
    line = f"{kind} layer 1 1 in0 out0 0={outputs} 1={directions * hidden * gates * inputs} 2={2 * (directions - 1)}"
    if kind == "LSTM":
        line += f" 3={hidden}"
    if hidden != outputs:
        data += pack_fp32(spread(directions * outputs, hidden, seed=2))
    return Case(line, data, spread(6, inputs, seed=3), 2)


def embed() -> Case:
    words = np.array([1, 5, 7, 19], np.int32).view(np.float32)  # ncnn reads them as integers
    data = pack_fp32(spread(20, 16)) + pack_bare(spread(16))
    return Case("Embed layer 1 1 in0 out0 0=16 1=20 2=1 3=320", data, words, 1)


def attention(embedding: int = 16, queries: int = 24) -> Case:
    line = f"MultiHeadAttention layer 1 1 in0 out0 0={embedding} 1=4 2={embedding * queries} 3={queries} 4={queries}"
    data = b"".join(
        pack_fp32(spread(rows, columns, seed=seed) / 2) + pack_bare(spread(rows) / 8)
        for seed, (rows, columns) in enumerate([(embedding, queries)] * 3 + [(queries, embedding)])
    )
    return Case(line, data, spread(5, queries, seed=9), 4)


def gemm(a: int, b: int, transposed: int) -> Case:
    """With A or B constant or given; ``transposed``: how constants are stored."""
    m, n, k = 5, 7, 12
    data = b"".join(pack_fp32(spread(*shape)) for shape, there in (((m, k), a), ((n, k), b)) if there)
    data += pack_fp32(spread(n))
    sizes = f"7={m if a else 0} 8={n} 9={k}"
    trans = f"2={transposed if a else 0} 3={transposed if b else 1 - a}"
    if not a and not b:
        lines = "Split split 1 2 in0 x y\nGemm layer 2 1 x y out0 2=0 3=1"
        return Case(lines, b"", spread(m, k), 0, tabled=False)
    bottoms = "0 1" if a and b else "1 1 in0"
    given = spread(n, k) if a and trans.endswith("3=1") else spread(k, n) if a else spread(m, k)
    line = f"Gemm layer {bottoms} out0 {trans} 4={a} 5={b} 6=1 {sizes} 10=4"
    return Case(line, data, given, a + b, tabled=False)


def dot_product() -> Case:
    lines = "Split split 1 3 in0 q k v\nSDPA layer 3 1 q k v out0"
    return Case(lines, b"", spread(4, 6, 16), 0, tabled=False)


CASES: dict[str, Callable[[], Case]] = {
    "rnn": lambda: recurrent("RNN", 2),
    "lstm": lambda: recurrent("LSTM", 2),
    "lstm with projection": lambda: recurrent("LSTM", 1, hidden=16),
    "gru": lambda: recurrent("GRU", 2),
    "embed": embed,
    "attention": attention,
    "gemm, b": lambda: gemm(0, 1, 1),
    "gemm, b transposed": lambda: gemm(0, 1, 0),
    "gemm, a": lambda: gemm(1, 0, 0),
    "gemm, a transposed": lambda: gemm(1, 0, 1),
    "gemm of two inputs": lambda: gemm(0, 0, 0),
    "sdpa": dot_product,
}


def write(folder: Path, case: Case) -> Net:
    lines = ["Input in 0 1 in0", *case.lines.splitlines()]
    blobs = sum(int(line.split()[3]) for line in lines)
    net = Net(folder / "net.param", folder / "net.bin")
    net.param.write_text(f"7767517\n{len(lines)} {blobs}\n" + "\n".join(lines) + "\n")
    net.bin.write_bytes(case.data)
    return net


def table_of(net: Net, case: Case) -> Table:
    if not case.tabled:
        return Table({}, {})
    return calibrate(*net.paths, list, lambda: BlobExtractor(*net.paths))  # no input is needed


def run(net: Net, array: Array) -> Array:
    return dict(BlobExtractor(*net.paths)(array, ["out0"]))["out0"]


@pytest.mark.parametrize("name", CASES)
def test_ncnn_computes_nearly_the_same(tmp_path: Path, name: str) -> None:
    case = CASES[name]()
    net = write(tmp_path, case)
    table = table_of(net, case)
    int8 = Net(tmp_path / "int8.param", tmp_path / "int8.bin")
    report = quantize_model(*net.paths, table, *int8.paths)
    assert report.quantized == ("layer",)
    facts = inspect_net(*int8.paths)
    assert facts.is_quantized
    assert facts.storage.get("int8", 0) == case.int8_arrays
    expected, found = run(net, case.array), run(int8, case.array)
    sqnr_db = 10 * math.log10(float((expected**2).sum() / ((expected - found) ** 2).sum()))
    assert 30 < sqnr_db < 60


TOOL = {
    "rnn": "3ec3cafb054837ea",
    "lstm": "bc57566cc763f4d4",
    "lstm with projection": "e001d8754bca27ae",
    "gru": "76e8a98638eb87a4",
    "embed": "cd4147bc0e0475d9",
    "attention": "c478d5a43c762213",
    "gemm, b": "b0970ee8aa5607c9",
    "gemm, b transposed": "c528b1f968da13e6",
    "gemm, a": "ef8b8c182ac2a27e",
    "gemm, a transposed": "759c800661746fdc",
    "gemm of two inputs": "e0006dee49469db9",
    "sdpa": "b206954a79b702ae",
}
"""Beginning of the SHA-256 of ``.param`` and ``.bin`` as ncnn2int8 of July 2026 (a4d2ea1d) writes them on x86."""


@pytest.mark.parametrize("name", CASES)
def test_files_equal_the_tool_s_to_the_byte(tmp_path: Path, name: str) -> None:
    case = CASES[name]()
    net = write(tmp_path, case)
    table = table_of(net, case)
    if case.tabled:
        write_table(table, tmp_path / "net.table")
        table = read_table(tmp_path / "net.table")
    out = (tmp_path / "int8.param", tmp_path / "int8.bin")
    quantize_model(*net.paths, table, *out)
    assert hashlib.sha256(out[0].read_bytes() + out[1].read_bytes()).hexdigest()[:16] == TOOL[name]


def test_all_rows_of_a_gemm_count(tmp_path: Path) -> None:
    """ncnn2int8 of July 2026 looks at the first row alone where B is stored transposed, and clips the others."""
    case = gemm(0, 1, 1)
    matrix = spread(7, 12)
    matrix[0] /= 16
    net = write(tmp_path, replace(case, data=pack_fp32(matrix) + case.data[4 * (1 + matrix.size) :]))
    int8 = Net(tmp_path / "int8.param", tmp_path / "int8.bin")
    quantize_model(*net.paths, Table({}, {}), *int8.paths)
    weights = walk(read_param(int8.param), int8.bin)
    scale = weights.read(weights.of(weights.arrays[0].layer)["weight_scales"])
    assert scale == np.float32(127) / np.abs(matrix).max()
    expected, found = run(net, case.array), run(int8, case.array)
    assert np.abs(expected - found).max() < 0.02


@pytest.mark.parametrize("name", ["rnn", "attention", "embed"])
def test_tables_of_these_layers(tmp_path: Path, name: str) -> None:
    case = CASES[name]()
    net = write(tmp_path, case)
    table = table_of(net, case)
    param = read_param(net.param)
    assert lint_table(table, param) == []
    assert table.activations == {}
    first, scales = next(iter(table.weights.items()))
    assert first == "layer_param_0"
    layer = param.layers[-1]
    weights = walk(param, net.bin)
    values = weights.read(next(iter(weights.of(layer).values()))).astype(np.float32)
    assert scales[0] == np.float32(127) / np.abs(values.reshape(len(scales), -1)[0]).max()


def test_the_order_of_a_table_is_the_tool_s(tmp_path: Path) -> None:
    lines = """Convolution conv 1 1 in0 c 0=4 1=1 6=12
Reshape reshape 1 1 c r 0=8 1=32
GRU gru 1 1 r g 0=8 1=192
MultiHeadAttention mha 1 1 g out0 0=8 1=2 2=64"""
    data = pack_fp32(spread(4, 3)) + pack_fp32(spread(24, 8)) + pack_fp32(spread(32)) + pack_fp32(spread(24, 8, seed=1))
    data += (pack_fp32(spread(8, 8, seed=2)) + pack_bare(spread(8))) * 4
    net = write(tmp_path, Case(lines, data, spread(3, 8, 8), 7))
    table = calibrate(*net.paths, lambda: [spread(3, 8, 8)], lambda: BlobExtractor(*net.paths), method="minmax")
    entries = [line.split()[0] for line in format_table(table).splitlines()]
    attention_entries = [f"mha_param_{number}" for number in range(4)]
    assert entries == ["conv_param_0", "conv", *attention_entries, "gru_param_0", "gru_param_1"]


def test_a_row_of_zeros_has_the_scale_1(tmp_path: Path) -> None:
    case = recurrent("RNN", 1)
    net = write(tmp_path, replace(case, data=pack_fp32(np.zeros((8, 12), np.float32)) + case.data[4 * (1 + 96) :]))
    assert set(table_of(net, case).weights["layer_param_0"]) == {1.0}


def test_layers_that_the_table_leaves_out_stay_float(tmp_path: Path) -> None:
    net = write(tmp_path, recurrent("GRU", 1))
    out = (tmp_path / "int8.param", tmp_path / "int8.bin")
    report = quantize_model(*net.paths, Table({}, {}), *out)
    assert (report.quantized, report.kept_float) == ((), ("layer",))
    assert not inspect_net(*out).is_quantized


@pytest.mark.parametrize("name", ["sdpa", "gemm, b"])
def test_what_stands_in_no_table_can_be_kept_float_too(tmp_path: Path, name: str) -> None:
    net = write(tmp_path, CASES[name]())
    out = (tmp_path / "int8.param", tmp_path / "int8.bin")
    assert quantize_model(*net.paths, Table({}, {}), *out, keep_float=["layer"]).kept_float == ("layer",)
    assert not inspect_net(*out).is_quantized


def test_incomplete_and_foreign_tables(tmp_path: Path) -> None:
    case = attention()
    net = write(tmp_path, case)
    table = table_of(net, case)
    out = (tmp_path / "int8.param", tmp_path / "int8.bin")
    few = Table({entry: scales for entry, scales in table.weights.items() if entry != "layer_param_2"}, {})
    with pytest.raises(ModelFileError, match=r"layer 'layer'.*no line layer_param_2"):
        quantize_model(*net.paths, few, *out)
    assert [finding.severity for finding in lint_table(few, read_param(net.param))] == ["error"]
    short = Table({**table.weights, "layer_param_1": (1.0,)}, {})
    with pytest.raises(ModelFileError, match=r"the table has 1 scales in layer_param_1, expected 16"):
        quantize_model(*net.paths, short, *out)
    assert "expected 16: another model's table" in lint_table(short, read_param(net.param))[0].message


def test_a_calibration_may_keep_them_float(tmp_path: Path) -> None:
    net = write(tmp_path, recurrent("RNN", 1))
    with pytest.raises(ConfigError, match="nothing is left"):
        calibrate(*net.paths, list, lambda: BlobExtractor(*net.paths), keep_float=["layer"])
