from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_quant.nets.ncnn.files.param import Param, read_param
from pytest_quant.nets.ncnn.load_check import check_loads
from pytest_quant.spec.errors import ModelFileError

from .files.nets import FLOAT_PARAM, shared_model


def net(folder: Path, *layers: str) -> Param:
    path = folder / "net.param"
    blobs = sum(int(layer.split()[3]) for layer in layers)
    path.write_text("\n".join(["7767517", f"{len(layers) + 1} {blobs + 1}", "Input in 0 1 in0", *layers, ""]))
    return read_param(path)


def refusal(param: Param) -> str:
    with pytest.raises(ModelFileError) as caught:
        check_loads(param)
    return str(caught.value)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("Pooling pool 1 1 in0 out0 0=7 1=2 2=2", "net.param:5: layer 'pool' (Pooling): ncnn 1."),
        ("Pooling pool 1 1 in0 out0 0=7 1=2 2=2", "refuses it: it would take the layer without 0=7"),
        ("Convolution conv 1 1 in0 out0 0=4 1=1 6=12 9=99", "it would take the layer without 9=99"),
        ("Crop crop 1 1 in0 out0 -23309=1,0 -23310=2,1,1", "refuses it"),
        ("Interp up 1 1 in0 out0 0=9 1=2.0 2=2.0", "without 0=9 (unsupported resize type 9)"),
        ("Permute turn 1 1 in0 out0 0=99", "without 0=99"),
    ],
)
def test_what_ncnn_refuses_is_told_with_the_layer(tmp_path: Path, layer: str, message: str) -> None:
    assert message in refusal(net(tmp_path, "ReLU relu 1 1 in0 r", layer.replace("in0", "r")))


def test_layers_that_ncnn_lacks_are_told_and_do_not_hide_the_others(tmp_path: Path) -> None:
    lines = ["MyFocus first 1 1 in0 a 0=1", "SPP spp 1 1 a b 0=1", "Pooling pool 1 1 b c 1=2 2=2"]
    assert check_loads(net(tmp_path, *lines)) == ("MyFocus", "SPP")
    assert "'pool' (Pooling)" in refusal(net(tmp_path, *lines[:2], "Pooling pool 1 1 b c 0=7 1=2 2=2"))


def test_a_good_net(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.param"
    path.write_text(FLOAT_PARAM)
    assert check_loads(read_param(path)) == ()
    os.write(2, b"still here\n")
    assert capfd.readouterr().err == "still here\n"


@pytest.mark.parametrize("name", ["ppocr_rec-v2.0/ppocr_rec_v2", "yolox_nano-coco/yolox_nano", "english_g2/english_g2"])
def test_real_nets(name: str) -> None:
    assert set(check_loads(read_param(shared_model(f"{name}.param")))) <= {"YoloV5Focus"}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("Softmax last 1 1 in0 out0 0=1", "it has an axis (0=1) and lacks 1=1, so ncnn refuses the file as too old"),
        ("Reduction last 1 1 in0 out0 0=3 1=0 -23303=2,2,3", "it has axes (-23303=2,2,3) and lacks 5=1"),
    ],
)
def test_files_that_are_too_old_cannot_be_read(tmp_path: Path, layer: str, message: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        net(tmp_path, layer)
    assert f"net.param:4: layer 'last' ({layer.split()[0]}): {message}" in str(caught.value)


@pytest.mark.parametrize(
    "layer",
    [
        "Softmax last 1 1 in0 out0 0=1 1=1",
        "Softmax last 1 1 in0 out0",
        "Softmax last 1 1 in0 out0 0=0",
        "Reduction last 1 1 in0 out0 0=3 1=0 -23303=2,2,3 5=1",
        "Reduction last 1 1 in0 out0 0=3 1=1",
    ],
)
def test_what_is_too_old_and_what_not_ncnn_says_itself(tmp_path: Path, layer: str) -> None:
    assert check_loads(net(tmp_path, layer)) == ()


def test_threads_do_not_take_each_others_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    param = net(tmp_path, "Pooling pool 1 1 in0 out0 0=7 1=2 2=2")
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: refusal(param), range(40)))
    assert len(set(told)) == 1
    os.write(2, b"still here\n")
    assert capfd.readouterr().err == "still here\n"
