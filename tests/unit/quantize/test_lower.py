from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files import (
    Table,
    inspect_net,
    lint_table,
    read_param,
    read_table,
    walk,
    without_layers,
    write_table,
)
from pytest_quant.nets.ncnn.files.writer import pack_fp32
from pytest_quant.quantize.calibration import calibrate
from pytest_quant.quantize.lower import quantize_model, quantize_weights
from pytest_quant.spec.errors import ConfigError, ModelFileError

from .nets import PARAM, Net, images, shared, write_net


@pytest.fixture
def net(tmp_path: Path) -> Net:
    return write_net(tmp_path)


@pytest.fixture
def table(net: Net) -> Table:
    return calibrate(*net.paths, lambda: images(4), lambda: BlobExtractor(*net.paths), method="minmax")


def _lower(net: Net, table: Table) -> Net:
    out = Net(net.param.with_name("int8.param"), net.param.with_name("int8.bin"))
    quantize_model(*net.paths, table, *out.paths)
    return out


@pytest.mark.parametrize(
    ("name", "requantized"),
    [
        ("squeezenet_v1.1-imagenet/squeezenet", 8),
        ("resnet20-cifar10/resnet20", 9),
        ("simplepose-coco/simplepose", 37),
        ("ppocr_det-icdar/ppocr_det", 5),
    ],
)
def test_real_models_equal_the_tool_to_the_byte(tmp_path: Path, name: str, requantized: int) -> None:
    source = shared(f"models/{name}.param")
    out = Net(tmp_path / "out.param", tmp_path / "out.bin")
    report = quantize_model(source, source.with_suffix(".bin"), source.with_suffix(".table"), *out.paths)
    expected = source.with_name(f"{source.stem}-int8.param")
    assert out.param.read_bytes() == expected.read_bytes()
    assert out.bin.read_bytes() == expected.with_suffix(".bin").read_bytes()
    assert len(report.requantized) == requantized
    assert report.kept_float == ()


def test_int8_net_computes_nearly_the_same(net: Net, table: Table) -> None:
    int8 = _lower(net, table)
    (image,) = images(1, seed=9)
    (_, expected), (_, found) = (next(BlobExtractor(*n.paths)(image, ["out0"])) for n in (net, int8))
    noise = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert 0 < noise < 0.1


def test_scales_and_terms(net: Net, table: Table) -> None:
    int8 = _lower(net, table)
    param = read_param(int8.param)
    assert {x.name: x.params.get(8) for x in param.layers if 8 in x.params} == {
        "conv1": 102,
        "dw": 1,
        "conv2": 2,
        "fc": 2,
    }
    weights = walk(param, int8.bin)
    conv1, dw = (weights.of(param.producer[blob]) for blob in ("c1", "d1"))
    assert weights.read(conv1["top_scale"]) == weights.read(dw["bottom_scale"]) == np.float32(table.activations["dw"])


def test_layers_that_the_table_leaves_out_stay_float(net: Net, table: Table) -> None:
    activations = {name: scale for name, scale in table.activations.items() if name != "conv2"}
    int8 = Net(net.param.with_name("int8.param"), net.param.with_name("int8.bin"))
    report = quantize_model(*net.paths, dataclasses.replace(table, activations=activations), *int8.paths)
    assert report.kept_float == ("conv2",)
    assert report.requantized == ()  # one reader of conv1's output is float now
    facts = inspect_net(*int8.paths)
    assert facts.storage == {"int8": 3, "fp16": 1}
    assert facts.quantized == {"Convolution": ("conv1",), "ConvolutionDepthWise": ("dw",), "InnerProduct": ("fc",)}


def test_layers_that_are_commented_out_stay_float(net: Net, table: Table) -> None:
    path = net.param.with_suffix(".table")
    write_table(table, path)
    path.write_text(re.sub(r"^(conv2(_param_0)? )", r"#\1", path.read_text(), flags=re.MULTILINE))
    commented = _lower(net, read_table(path))
    data = [file.read_bytes() for file in commented.paths]
    without = _lower(net, without_layers(table, ["conv2"]))
    assert [file.read_bytes() for file in without.paths] == data
    path.write_text(path.read_text().replace("#conv2 ", "conv2 "))
    with pytest.raises(
        ModelFileError, match=r"conv2_param_0, which is commented out \(line 3\): ncnn2int8 stops there"
    ):
        _lower(net, read_table(path))


@pytest.mark.parametrize(
    ("entry", "scales", "message"),
    [
        ("conv1_param_0", (1.0,) * 7, "the table has 7 weight scales for it, expected 8"),
        ("dw_param_0", (1.0,) * 72, "the table has 72 weight scales for it, expected 8"),
        ("conv9_param_0", (1.0,), "names 'conv9', which"),
        ("cat_param_0", (1.0,), "names 'cat', which"),
        ("concat_param_0", (1.0,), "layer 'concat' (Concat): the table names it, but ncnn takes nothing of this type"),
    ],
)
def test_tables_of_other_models(net: Net, table: Table, entry: str, scales: tuple[float, ...], message: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        _lower(net, dataclasses.replace(table, weights={**table.weights, entry: scales}))
    assert message in str(caught.value)
    assert not net.param.with_name("int8.bin").exists()


def test_missing_weight_line(net: Net, table: Table) -> None:
    weights = {entry: scales for entry, scales in table.weights.items() if entry != "fc_param_0"}
    with pytest.raises(ModelFileError, match="without its line fc_param_0: ncnn2int8 fails"):
        _lower(net, dataclasses.replace(table, weights=weights))


def test_a_channel_of_zeros_does_no_harm(net: Net) -> None:
    """ncnn2table prints an infinite scale for it, which is as harmless; here it is 1."""
    data = bytearray(net.bin.read_bytes())
    data[4 : 4 + 4 * 27] = bytes(4 * 27)  # the first output channel of conv1
    net.bin.write_bytes(data)
    table = calibrate(*net.paths, lambda: images(4), lambda: BlobExtractor(*net.paths))
    assert table.weights["conv1_param_0"][0] == 1.0
    assert [
        finding.severity for finding in lint_table(table, read_param(net.param)) if finding.severity == "error"
    ] == []
    int8 = _lower(net, table)
    (image,) = images(1, seed=9)
    (_, expected), (_, found) = (next(BlobExtractor(*n.paths)(image, ["out0"])) for n in (net, int8))
    assert 0 < np.linalg.norm(found - expected) / np.linalg.norm(expected) < 0.1


def test_real_files_written_here_compute_what_the_tool_s_compute(tmp_path: Path) -> None:
    source = shared("models/resnet20-cifar10/resnet20.param")
    out = Net(tmp_path / "out.param", tmp_path / "out.bin")
    quantize_model(source, source.with_suffix(".bin"), source.with_suffix(".table"), *out.paths)
    tool = source.with_name("resnet20-int8.param")
    image = np.random.default_rng(0).normal(0, 1, (3, 32, 32)).astype(np.float32)
    found, expected = (
        dict(BlobExtractor(*paths)(image, ["out0"]))["out0"] for paths in (out.paths, (tool, tool.with_suffix(".bin")))
    )
    assert found.tobytes() == expected.tobytes()


def test_a_quantized_net_is_refused(net: Net, table: Table) -> None:
    int8 = _lower(net, table)
    with pytest.raises(ModelFileError, match=r"layer 'conv1'.*quantized already"):
        quantize_model(*int8.paths, table, net.param.with_name("x.param"), net.param.with_name("x.bin"))


def test_a_layer_of_unknown_format_is_refused(net: Net, table: Table) -> None:
    text = PARAM.replace("7 8\n", "8 9\n").replace("2 1 d1 c2 cat", "2 1 d1 c3 cat")
    net.param.write_text(text.replace("Concat ", "MyLayer mine 1 1 c2 c3\nConcat "))
    with pytest.raises(ModelFileError, match=r"layer 'mine'.*format is not known"):
        _lower(net, table)


def test_layers_to_keep_float_whatever_the_table_says(net: Net, table: Table) -> None:
    out = (net.param.with_name("int8.param"), net.param.with_name("int8.bin"))
    report = quantize_model(*net.paths, table, *out, keep_float=["fc", "dw"])
    assert (report.quantized, report.kept_float) == (("conv1", "conv2"), ("dw", "fc"))
    with pytest.raises(ConfigError, match=r"no layer 'conv' that could be int8. Did you mean `conv\d`\?"):
        quantize_model(*net.paths, table, *out, keep_float=["conv"])


def test_kinds_that_ncnn_runs_in_float_only_are_told(net: Net, table: Table) -> None:
    net.param.write_text(
        PARAM.replace("7 8\n", "8 9\n")
        .replace("2 1 d1 c2 cat", "2 1 d1 c3 cat")
        .replace("Concat ", "Deconvolution up 1 1 c2 c3 0=8 1=1 6=64\nConcat ")
    )
    data = net.bin.read_bytes()
    fc = 4 * (1 + 5120 + 5)
    net.bin.write_bytes(data[:-fc] + pack_fp32(np.ones(64, np.float32)) + data[-fc:])
    report = quantize_model(*net.paths, table, net.param.with_name("int8.param"), net.param.with_name("int8.bin"))
    assert report.without_int8 == ("up",)
    assert inspect_net(net.param.with_name("int8.param"), net.param.with_name("int8.bin")).storage["fp16"] == 1


def test_weights_beyond_float16_are_refused(net: Net, table: Table) -> None:
    data = bytearray(net.bin.read_bytes())
    data[4:8] = np.float32(1e6).tobytes()
    net.bin.write_bytes(data)
    activations = {"fc": table.activations["fc"]}
    with pytest.raises(ModelFileError, match=r"layer 'conv1'.*float16"):
        _lower(net, dataclasses.replace(table, activations=activations))


def test_a_table_in_memory_serves_too(tmp_path: Path) -> None:
    source = shared("models/resnet20-cifar10/resnet20.param")
    table = read_table(source.with_suffix(".table"))
    out = Net(tmp_path / "a.param", tmp_path / "a.bin")
    report = quantize_model(source, source.with_suffix(".bin"), table, *out.paths)
    assert len(report.quantized) == 20


def test_halves_round_away_from_zero_and_infinity_is_the_least_value() -> None:
    values = np.array([[0.5, -0.5, 1.5, 200, -200, 0.49999997]], np.float32)
    assert quantize_weights(values, np.ones(1, np.float32)).tolist() == [[1, -1, 2, 127, -127, 1]]
    assert quantize_weights(np.array([[0, 1, -1]], np.float32), np.array([np.inf], np.float32)).tolist() == [
        [-127, -127, -127]
    ]


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=20), st.floats(1, 127, width=32))
def test_quantized_weights_are_within_half_a_step(values: list[float], scale: float) -> None:
    weights = np.array([values], np.float32)
    codes = quantize_weights(weights, np.array([scale], np.float32))
    assert np.all(np.abs(codes.astype(np.float64) - weights * np.float32(scale)) <= 0.5 + 1e-4)
