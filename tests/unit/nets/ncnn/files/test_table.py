from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.nets.ncnn.files import (
    Param,
    Table,
    lint_entries,
    lint_scales,
    lint_table,
    read_param,
    read_table,
    walk,
    write_table,
)
from pytest_quant.nets.ncnn.files.table import format_table
from pytest_quant.nets.ncnn.files.weights import Weights
from pytest_quant.spec.errors import ModelFileError

from .nets import INT8_PARAM, floats, int8_bin, shared_model, write_net

TABLES = {
    "resnet20-cifar10/resnet20": "resnet20-cifar10/resnet20",
    "simplepose-coco/simplepose": "simplepose-coco/simplepose",
    "squeezenet_v1.1-imagenet/squeezenet": "squeezenet_v1.1-imagenet/squeezenet",
    "squeezenet_v1.1-imagenet/squeezenet.aciq": "squeezenet_v1.1-imagenet/squeezenet",
    "mmdeploy-resnet18/end2end": "mmdeploy-resnet18/end2end",
}

GOOD = Table(
    weights={"conv_param_0": (50.0, 60.0, 70.0, 80.0), "dw_param_0": (5.0,) * 4, "fc_param_0": (9.0,) * 10},
    activations={"conv": 40.0, "dw": 20.0, "fc": 30.0},
)


@pytest.fixture
def param(tmp_path: Path) -> Param:
    return read_param(write_net(tmp_path)[0])


def _errors(table: Table, param: Param) -> list[tuple[str, str]]:
    return [(f.layer, f.message) for f in lint_table(table, param) if f.severity == "error"]


@pytest.mark.parametrize("name", [*TABLES, "ppocr_det-icdar/ppocr_det"])
def test_real_tables_print_back_to_the_byte(name: str) -> None:
    path = shared_model(f"{name}.table")
    assert format_table(read_table(path)) == path.read_text()


@pytest.mark.parametrize("name", TABLES)
def test_real_tables_pass(name: str) -> None:
    param = read_param(shared_model(f"{TABLES[name]}.param"))
    assert _errors(read_table(shared_model(f"{name}.table")), param) == []


def test_a_real_table_with_dead_channels_has_warnings() -> None:
    table = read_table(shared_model("ppocr_det-icdar/ppocr_det.table"))
    param = read_param(shared_model("ppocr_det-icdar/ppocr_det.param"))
    findings = lint_table(table, param)
    assert {finding.severity for finding in findings} == {"warning"}
    assert sum("infinite, as ncnn2table prints" in finding.message for finding in findings) == 28
    known = lint_table(table, param, walk(param, shared_model("ppocr_det-icdar/ppocr_det.bin")))
    assert {finding.severity for finding in known} == {"warning"}
    assert sum("are dead: their weights are all zero" in finding.message for finding in known) == 28


def test_a_real_table_of_another_model() -> None:
    table = read_table(shared_model("resnet20-cifar10/resnet20.table"))
    errors = _errors(table, read_param(shared_model("squeezenet_v1.1-imagenet/squeezenet.param")))
    assert len(errors) == 1
    assert "none of the table's layers" in errors[0][1]


def test_a_good_table_has_no_finding(param: Param) -> None:
    assert lint_table(GOOD, param) == []


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (1e25, "is an outlier"),
        (1e-9, "is an outlier"),
        (float("inf"), "the input scale is infinite"),
        (float("nan"), "the input scale is not a number"),
        (0.0, "the input scale is zero"),
        (-3.0, "the input scale is negative"),
    ],
)
def test_bad_input_scales(param: Param, scale: float, message: str) -> None:
    table = dataclasses.replace(GOOD, activations={**GOOD.activations, "dw": scale})
    ((layer, found),) = _errors(table, param)
    assert layer == "dw"
    assert message in found


INF = float("inf")


def code_net(folder: Path, line: str, scales: tuple[float, ...]) -> Weights:
    """A net of a PReLU and one more layer."""
    (folder / "net.param").write_text(f"7767517\n3 9\nInput in 0 1 in\nPReLU p 1 1 in in0 0=1\n{line}\n")
    (folder / "net.bin").write_bytes(floats(0.25, *scales))
    return walk(read_param(folder / "net.param"), folder / "net.bin")


@pytest.mark.parametrize(
    ("line", "scales", "message"),
    [
        ("Quantize q 1 1 in0 q0 0=1", (INF,), "the scale is infinite"),
        ("Quantize q 1 1 in0 q0 0=1", (0.0,), "the scale is zero"),
        ("Quantize q 1 1 in0 q0 0=1", (1e-30,), "the scale is 1e-30, which erases everything"),
        ("Dequantize q 1 1 in0 q0 0=3", (0.1, INF, 0.1), "the scale of 1 of 3 channels is infinite"),
        ("Dequantize q 1 1 in0 q0 0=3", (0.1, 1e-30, 0.1), "the scale of 1 of 3 channels is 1e-30, which erases"),
        ("Dequantize q 1 1 in0 q0 0=3", (0.0, 0.0, 0.0), "the scale of 3 of 3 channels is zero"),
        ("Requantize q 1 1 in0 q0 0=1 1=1", (0.01, 0.0), "the output scale is zero"),
        ("Requantize q 1 1 in0 q0 0=1 1=1", (0.01, 1e30), "the output scale is 1e+30, far beyond what a net has"),
        ("Requantize q 1 1 in0 q0 0=1 1=1", (INF, 50.0), "the input scale is infinite"),
    ],
)
def test_scales_of_layers_that_make_codes(tmp_path: Path, line: str, scales: tuple[float, ...], message: str) -> None:
    (found,) = lint_scales(code_net(tmp_path, line, scales))
    assert (found.severity, found.layer) == ("error", "q")
    assert message in found.message


@pytest.mark.parametrize(
    ("line", "scales"),
    [
        ("Quantize q 1 1 in0 q0 0=1", (127.5,)),
        ("Dequantize q 1 1 in0 q0 0=3", (2e-7, 0.0, 0.3)),
        ("Requantize q 1 1 in0 q0 0=2 1=1", (1e-7, 0.01, 50.0)),
    ],
)
def test_sound_scales_of_layers_that_make_codes(tmp_path: Path, line: str, scales: tuple[float, ...]) -> None:
    assert lint_scales(code_net(tmp_path, line, scales)) == []


@pytest.mark.parametrize("scale", [INF, 0.0, 1e-30, 1e30])
def test_bad_output_scales_in_a_bin(tmp_path: Path, scale: float) -> None:
    """``conv`` of the net requantizes: behind its arrays stands the scale of what it gives."""
    param, binary = write_net(tmp_path, INT8_PARAM, int8_bin())
    top = next(one for one in walk(read_param(param), binary).arrays if one.role == "top_scale")
    data = bytearray(binary.read_bytes())
    data[top.offset : top.end] = floats(scale)
    binary.write_bytes(data)
    (found,) = lint_scales(walk(read_param(param), binary))
    assert (found.severity, found.layer) == ("error", "conv")
    assert "output scale" in found.message


@pytest.mark.parametrize("word", ["1_000", "\u0663", "0x10", "infinity", "1e99999", "-", "1.5.2", "+-1"])
def test_what_python_takes_for_a_number_is_none(tmp_path: Path, word: str) -> None:
    (tmp_path / "net.table").write_text(f"conv {word}\n", encoding="utf-8")
    with pytest.raises(ModelFileError, match="expected numbers separated by blanks"):
        read_table(tmp_path / "net.table")


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ((float("inf"), 0.0, 0.0, 0.0), "all 4 weight scales are 0 or infinite"),
        ((50.0, 60.0, 70.0, -1.0), "1 of 4 weight scales are negative"),
        ((50.0, 60.0, 70.0, float("nan")), "1 of 4 weight scales are not a number"),
        ((50.0, 60.0, 70.0, 1e-5), "1e-05 is far outside"),
        ((50.0, 60.0, 70.0), "3 weight scales for 4 outputs"),
    ],
)
def test_bad_weight_scales(param: Param, scales: tuple[float, ...], message: str) -> None:
    table = dataclasses.replace(GOOD, weights={**GOOD.weights, "conv_param_0": scales})
    ((layer, found),) = _errors(table, param)
    assert layer == "conv"
    assert message in found


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ((50.0, 60.0, 70.0, 1.1e8), "weight scale 1.1e+08 beside a median of 60: nearly dead channels"),
        ((50.0, 60.0, 70.0, 7.7e30), "nearly dead channels"),
        ((50.0, 7.7e30, 7.7e30, 7.7e30), "nearly dead channels"),
        ((5e4, 6e4, 7e4, 5.0), "far larger weights than the others"),
        ((5e4, 6e4, 7e4, 1.0), "channels whose weights are all zero, for which calibration writes 1"),
        ((50.0, 60.0, float("inf"), 80.0), "1 of 4 weight scales are infinite, as ncnn2table prints for weights that"),
        ((50.0, 0.0, 0.0, 80.0), "2 of 4 weight scales are zero: dead channels, which ncnn answers with their bias"),
    ],
)
def test_unusual_channels_are_warnings(param: Param, scales: tuple[float, ...], message: str) -> None:
    table = dataclasses.replace(GOOD, weights={**GOOD.weights, "conv_param_0": scales})
    (finding,) = lint_table(table, param)
    assert (finding.severity, finding.layer) == ("warning", "conv")
    assert message in finding.message


@pytest.mark.parametrize(
    ("scale", "message"),
    [(127.0, ""), (600.0, ""), (31.0, ""), (1e5, "clips weights at 0.001 times the largest"), (1.5, "erases weights")],
)
def test_scales_against_the_weights(tmp_path: Path, scale: float, message: str) -> None:
    param_path, bin_path = write_net(tmp_path)  # the weights of `dw` are a ramp from -1 to 1
    param = read_param(param_path)
    table = dataclasses.replace(GOOD, weights={**GOOD.weights, "dw_param_0": (scale, 127.0, 127.0, 127.0)})
    findings = [f.message for f in lint_table(table, param, walk(param, bin_path)) if f.layer == "dw"]
    assert [message in found for found in findings] == [True] * bool(message)


def test_a_layer_without_a_scale_of_its_input_cannot_have_zeros() -> None:
    (finding,) = lint_entries(Table({"lstm_param_0": (50.0, 0.0)}, {}))
    assert finding.severity == "error"
    assert "zero, by which ncnn divides" in finding.message


def test_comments_are_no_entries(tmp_path: Path) -> None:
    path = tmp_path / "net.table"
    path.write_text("# made on Monday\nconv_param_0 1 2\n#fc_param_0 3\nconv 4\n#fc 5\n")
    table = read_table(path)
    assert (table.weights, table.activations) == ({"conv_param_0": (1.0, 2.0)}, {"conv": 4.0})
    assert (table.commented["fc_param_0"], table.commented["fc"]) == (3, 5)
    path.write_text("#conv_param_0 1 2\n#conv 4\n")
    with pytest.raises(ModelFileError, match="every line is commented out"):
        read_table(path)


def test_membership(param: Param) -> None:
    table = Table({"conv_param_0": (1.0,) * 4, "conv9_param_0": (1.0,)}, {"conv": 2.0, "fc": 2.0, "add": 2.0})
    found = {(f.severity, f.layer): f.message for f in lint_table(table, param)}
    assert "does not have" in found["error", "conv9"]
    assert "does not quantize" in found["error", "add"]
    assert "without its line fc_param_0" in found["error", "fc"]
    assert "stays float" in found["warning", "dw"]


def test_scales_of_a_bin(tmp_path: Path) -> None:
    param_path, bin_path = write_net(tmp_path, INT8_PARAM, int8_bin())
    assert lint_scales(walk(read_param(param_path), bin_path)) == []
    bin_path.write_bytes(int8_bin()[:-4] + floats(1e25))  # the scale of its input
    assert [(f.severity, f.layer) for f in lint_scales(walk(read_param(param_path), bin_path))] == [("error", "fc")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("conv_param_0 1 2\nconv\n", ":2: entry 'conv' has no scale"),
        ("conv 1 2\n", ":1: entry 'conv' has 2 values"),
        ("conv 1.5x\n", ":1: entry 'conv': found '1.5x'; expected numbers"),
        ("conv 1\nconv 2\n", ":2: entry 'conv' appears twice"),
        ("conv 1\n\nfc 2\n", ":2: blank line"),
    ],
)
def test_damaged_tables(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "net.table").write_text(text)
    with pytest.raises(ModelFileError) as caught:
        read_table(tmp_path / "net.table")
    assert message in str(caught.value)


def test_missing_folder_binary(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such"):
        read_table(tmp_path / "absent.table")
    with pytest.raises(ModelFileError, match="is a folder"):
        read_table(tmp_path)
    (tmp_path / "net.table").write_bytes(b"\xff\xff\xff")
    with pytest.raises(ModelFileError, match="is not text"):
        read_table(tmp_path / "net.table")


_scales = st.integers(1, 10**9).map(lambda n: n / 1e6)
_names = st.text("abc/_9", min_size=1, max_size=5)


@given(
    st.dictionaries(_names.map("{}_param_0".format), st.lists(_scales, min_size=1, max_size=4).map(tuple), min_size=1),
    st.dictionaries(_names, _scales),
)
def test_written_tables_read_back(
    tmp_path_factory: pytest.TempPathFactory, weights: dict[str, tuple[float, ...]], activations: dict[str, float]
) -> None:
    path = tmp_path_factory.mktemp("table") / "net.table"
    write_table(Table(weights, activations), path)
    table = read_table(path)
    assert (table.weights, table.activations) == (weights, activations)
