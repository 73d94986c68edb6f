from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files import read_param, walk
from pytest_quant.nets.ncnn.files.arrays import int8_term
from pytest_quant.nets.ncnn.files.unfuse import output_scales, write_unfused
from pytest_quant.nets.ncnn.net_files import ncnn_files
from pytest_quant.spec.errors import ModelFileError
from tests.unit.quantize.models import write_model
from tests.unit.quantize.nets import Net, images, shared


def unfused(int8: Net, folder: Path) -> Net:
    param = read_param(int8.param)
    found = Net(folder / "unfused.param", folder / "unfused.bin")
    write_unfused(param, walk(param, int8.bin), *found.paths)
    return found


def test_the_unfused_net_computes_the_same(tmp_path: Path) -> None:
    model = write_model(tmp_path)
    int8 = Net(ncnn_files(model, "int8").param, ncnn_files(model, "int8").bin)
    terms = {layer.name: int8_term(layer) for layer in read_param(int8.param).layers}
    assert terms["conv1"] == 102
    loose = unfused(int8, tmp_path)
    assert {layer.name: int8_term(layer) for layer in read_param(loose.param).layers} == {**terms, "conv1": 2}
    array = images(1)[0]
    one, other = (dict(BlobExtractor(*net.paths)(array, ["c1", "out0"])) for net in (int8, loose))
    scales = output_scales(read_param(int8.param), walk(read_param(int8.param), int8.bin))
    assert sorted(scales) == ["c1", "c1a", "c1b"]
    assert np.array_equal(np.round(other["c1"] * np.float32(scales["c1"])), one["c1"])
    assert other["out0"] == pytest.approx(one["out0"], rel=1e-5)


def test_a_real_net_computes_the_same(tmp_path: Path) -> None:
    folder = shared("models/squeezenet_v1.1-imagenet")
    int8 = Net(folder / "squeezenet-int8.param", folder / "squeezenet-int8.bin")
    param = read_param(int8.param)
    scales = output_scales(param, walk(param, int8.bin))
    assert len([blob for blob in scales if param.producer[blob].type == "Convolution"]) == 8
    loose = unfused(int8, tmp_path)
    assert int8.bin.stat().st_size - loose.bin.stat().st_size == 8 * 4
    array = np.random.default_rng(0).normal(0, 50, (3, 227, 227)).astype(np.float32)
    one, other = (dict(BlobExtractor(*net.paths)(array, ["pool10"]))["pool10"] for net in (int8, loose))
    assert other == pytest.approx(one, rel=1e-3, abs=1e-3)


def test_scales_behind_a_layer_of_unknown_format(tmp_path: Path) -> None:
    model = write_model(tmp_path)
    magic, _, input_layer, *others = ncnn_files(model, "int8").param.read_text().splitlines()
    others[0] = others[0].replace(" in0 ", " in1 ")
    lines = [magic, "8 9", input_layer, "Curious x 1 1 in0 in1", *others, ""]
    ncnn_files(model, "int8").param.write_text("\n".join(lines))
    param = read_param(ncnn_files(model, "int8").param)
    weights = walk(param, ncnn_files(model, "int8").bin)
    with pytest.raises(ModelFileError, match=r"int8.param:4: layer 'x' \(Curious\): .* scale of 'conv1'"):
        output_scales(param, weights)
