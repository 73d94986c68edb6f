"""Errors of single layers, held against NumPy and against nets in which one layer alone is int8."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.building.workbench import open_workbench
from pytest_quant.diagnosis.diagnose import Diagnosis, LayerError, diagnose
from pytest_quant.diagnosis.layer_errors import prepare_nets
from pytest_quant.evaluation.engine.events import Event, Finished, ShardDone, Started
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.evidence.likeness import likeness
from pytest_quant.nets.ncnn.files import read_param, walk
from pytest_quant.nets.ncnn.net_files import ncnn_files
from pytest_quant.report.diagnosis import diagnosis_entry, worst_line
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec
from tests.tiny import write_images
from tests.unit.quantize.models import LAYERS, bench, quantize, with_float_net, write_model
from tests.unit.quantize.nets import Net, images, write_net

Array = NDArray[np.float32]


def by_layer(found: Diagnosis) -> Mapping[str, LayerError]:
    return {error.layer: error for error in found.layers}


def test_a_limit_of_time_leaves_out_the_output_errors_and_then_samples(tmp_path: Path) -> None:
    found = diagnose(write_model(tmp_path), bench(tmp_path), samples=4, limit_s=1e-6)
    assert len(found.samples) < 4  # each core has begun one
    assert found.output_samples == 0
    assert all(error.output_sqnr_db is None and error.output_share is None for error in found.layers)
    quantized = [error.own_sqnr_db for error in found.layers if error.quantized]
    assert [error.own_sqnr_db for error in found.worst] == sorted(quantized)
    line = worst_line(diagnosis_entry(found))
    assert line.startswith("worst layers, by their own SQNR (what each does to the output would have taken long): ")


def test_a_generous_limit_of_time_changes_nothing(tmp_path: Path) -> None:
    model = write_model(tmp_path)
    whole, limited = (diagnose(model, bench(tmp_path), samples=4, limit_s=limit_s) for limit_s in (None, 600.0))
    assert limited == whole


def test_every_layer_has_an_error(tmp_path: Path) -> None:
    found = diagnose(write_model(tmp_path), bench(tmp_path), samples=4)
    assert [error.layer for error in found.layers] == ["conv1", "dw", "conv2", "concat", "fc"]
    assert [error.quantized for error in found.layers] == [True, True, True, False, True]
    assert [error.macs for error in found.layers] == [216 * 64, 72 * 64, 64 * 64, None, 5120]
    assert (len(found.samples), found.output_samples, found.seed, found.unmatched) == (4, 4, 0, ())
    for error in found.layers:
        assert 10 < error.accumulated_sqnr_db < 60
        assert 0.9 < error.accumulated_cosine < 1
        if error.quantized:
            assert 10 < error.own_sqnr_db < 60
            assert error.output_sqnr_db is not None
            assert error.output_sqnr_db > found.output_sqnr_db
        else:
            assert (error.own_sqnr_db, error.output_sqnr_db) == (math.inf, None)
            assert error.own_cosine == pytest.approx(1)
    assert by_layer(found)["fc"].accumulated_sqnr_db == pytest.approx(found.output_sqnr_db)


@pytest.mark.parametrize("layer", LAYERS)
def test_one_int8_layer_alone(tmp_path: Path, layer: str) -> None:
    """What the fully quantized net says of a layer alone is what a net says in which it is the only int8 layer."""
    alone = by_layer(diagnose(write_model(tmp_path / "one", quantized=[layer]), bench(tmp_path)))
    whole = by_layer(diagnose(write_model(tmp_path / "all"), bench(tmp_path)))
    assert [name for name, error in alone.items() if error.quantized] == [layer]
    assert alone[layer].own_sqnr_db == pytest.approx(whole[layer].own_sqnr_db, abs=1e-3)
    assert whole[layer].output_sqnr_db == pytest.approx(alone["fc"].accumulated_sqnr_db, abs=1e-3)
    assert alone[layer].output_share == pytest.approx(1, abs=1e-4)
    assert {error.own_sqnr_db for name, error in alone.items() if name != layer} == {math.inf}


def test_own_error_by_hand(tmp_path: Path) -> None:
    """The 1x1 convolution in NumPy: quantize input and weights, multiply, scale back, add the bias, ReLU."""
    model = write_model(tmp_path)
    array = images(1, seed=9)[0]
    nets = prepare_nets(model, tmp_path)
    index = [pair.layer.name for pair in nets.pairing.pairs].index("conv2")
    sums = nets.open().measure(array, outputs=False).layers[index]
    float_net = dict(nets.open()._fp32.feed({"in0": array}, ["c1b", "c2"]))
    fp32, int8 = (read_param(ncnn_files(model, side).param) for side in ("fp32", "int8"))
    assert fp32.layers[4].name == int8.layers[4].name == "conv2"
    stored, quantized = walk(fp32, ncnn_files(model, "fp32").bin), walk(int8, ncnn_files(model, "int8").bin)
    bias = stored.read(stored.of(fp32.layers[4])["bias"])
    arrays = quantized.of(int8.layers[4])
    weights = quantized.read(arrays["weight"]).reshape(8, 8).astype(np.int64)
    weight_scales, bottom = (quantized.read(arrays[role]) for role in ("weight_scales", "bottom_scale"))
    values = np.clip(np.round(float_net["c1b"] * bottom), -127, 127).astype(np.int64)
    product = np.einsum("oi,ihw->ohw", weights, values) / (weight_scales * bottom)[:, None, None]
    expected = np.maximum(product + bias[:, None, None], 0).astype(np.float32)
    by_hand = likeness(float_net["c2"], expected)
    assert sums.own.sqnr_db == pytest.approx(by_hand.sqnr_db, abs=1e-3)
    assert sums.own.cosine == pytest.approx(by_hand.cosine, abs=1e-6)


def test_accumulated_error_of_a_blob_between_int8_layers(tmp_path: Path) -> None:
    """It holds whole numbers there; not descaled, nothing would be alike."""
    model = write_model(tmp_path)
    nets = prepare_nets(model, tmp_path)
    probe, array = nets.open(), images(1, seed=3)[0]
    expected = dict(probe._fp32.feed({"in0": array}, ["c1"]))["c1"]
    whole_numbers = dict(probe._int8.feed({"in0": array}, ["c1"]))["c1"]
    assert np.array_equal(whole_numbers, np.round(whole_numbers))
    assert likeness(expected, whole_numbers).sqnr_db < 1
    found = probe.measure(array, outputs=False).layers[0]
    assert found.accumulated.sqnr_db > 25
    # alone it is not rounded: that is the doing of the layer that reads it
    assert found.own.sqnr_db > found.accumulated.sqnr_db


@pytest.mark.parametrize("layer", ["conv2", "fc"])
def test_the_layer_with_a_wrong_scale_is_the_worst(tmp_path: Path, layer: str) -> None:
    found = diagnose(write_model(tmp_path, scales={layer: 4000.0}), bench(tmp_path))
    assert found.worst[0].layer == layer
    assert found.worst[0].own_sqnr_db < 5
    others = {error.layer: error.own_sqnr_db for error in found.worst[1:]}
    assert min(others.values()) > 15


def test_the_reader_is_to_blame_for_the_scale_of_a_blob_between_int8_layers(tmp_path: Path) -> None:
    """The wrong scale is written as the output scale of conv1, too, but leaving conv1 in float would change nothing."""
    found = diagnose(write_model(tmp_path, scales={"dw": 4000.0, "conv2": 4000.0}), bench(tmp_path))
    errors = by_layer(found)
    assert {error.layer for error in found.worst[:2]} == {"dw", "conv2"}
    assert errors["conv1"].own_sqnr_db > 20 > errors["conv1"].accumulated_sqnr_db


def test_threads_change_nothing(tmp_path: Path) -> None:
    model = write_model(tmp_path)
    assert diagnose(model, bench(tmp_path, cores=1)) == diagnose(model, bench(tmp_path, cores=3))


def test_samples_are_those_of_the_seeded_order(tmp_path: Path) -> None:
    model = write_model(tmp_path)
    other = open_workbench(tmp_path / "run", cores=1, sampling=Sampling(seed=3))
    found = diagnose(model, other, samples=3)
    assert list(found.samples) == [sample.id for sample in other.selection(model)[0][:3]]
    assert found.seed == 3
    assert diagnose(model, bench(tmp_path), samples=100).samples != found.samples
    assert len(diagnose(model, bench(tmp_path), samples=100).samples) == 20


def test_progress(tmp_path: Path) -> None:
    seen: list[Event] = []
    desk = open_workbench(tmp_path / "run", cores=1, listener=seen.append)
    diagnose(write_model(tmp_path), desk, samples=3)
    assert seen[0] == Started("net", "layers", 3)
    assert [event.shard for event in seen if isinstance(event, ShardDone)] == [0, 1, 2]
    assert isinstance(seen[-1], Finished)


def test_inputs_of_ones_own(tmp_path: Path) -> None:
    model, arrays = write_model(tmp_path), images(2)
    found = diagnose(model, bench(tmp_path), inputs={"one": arrays[0], "two": arrays[1]})
    assert found.samples == ("one", "two")
    probe = prepare_nets(model, tmp_path).open()
    sums = [probe.measure(array, outputs=False).layers[0].own for array in arrays]
    assert by_layer(found)["conv1"].own_sqnr_db == pytest.approx((sums[0] + sums[1]).sqnr_db)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 8, 8), (8, 8)])
def test_an_input_that_is_none_of_the_net(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """ncnn would take it, and answer."""
    with pytest.raises(QuantError, match=r"^net, one: found an input of shape .* with 3 channels and no batch"):
        diagnose(write_model(tmp_path), bench(tmp_path), inputs={"one": np.zeros(shape, np.float32)})


def test_no_samples(tmp_path: Path) -> None:
    with pytest.raises(QuantError, match="one sample or more, found none"):
        diagnose(write_model(tmp_path), bench(tmp_path), samples=0)


RAW = """7767517
8 9
Input                    in       0 1 in0
Convolution              conv1    1 1 in0 c1_raw 0=8 1=3 4=1 5=1 6=216
ReLU                     relu1    1 1 c1_raw c1
Split                    split    1 2 c1 c1a c1b
ConvolutionDepthWise     dw       1 1 c1a d1 0=8 1=3 4=1 5=1 6=72 7=8 9=1
Convolution              conv2    1 1 c1b c2 0=8 1=1 5=1 6=64 9=1
Concat                   concat   2 1 d1 c2 cat
InnerProduct             fc       1 1 cat out0 0=5 1=1 2=5120
"""


def test_a_float_net_from_before_the_optimizer(tmp_path: Path) -> None:
    """There an activation is a layer of its own; the int8 layer that holds it writes the same blob."""
    model = write_model(tmp_path)
    (tmp_path / "raw.param").write_text(RAW)
    raw = with_float_net(model, Net(tmp_path / "raw.param", ncnn_files(model, "fp32").bin))
    assert diagnose(raw, bench(tmp_path)) == diagnose(model, bench(tmp_path))


def test_nets_that_match_in_part(tmp_path: Path) -> None:
    model = write_model(tmp_path)
    text = ncnn_files(model, "fp32").param.read_text().replace(" dw ", " other_dw ")
    (tmp_path / "renamed.param").write_text(text)
    found = diagnose(
        with_float_net(model, Net(tmp_path / "renamed.param", ncnn_files(model, "fp32").bin)), bench(tmp_path)
    )
    assert found.unmatched == ("dw",)
    assert [error.layer for error in found.layers] == ["conv1", "conv2", "concat", "fc"]


def _with_other_float_net(tmp_path: Path, *changes: tuple[str, str]) -> ModelSpec:
    model = write_model(tmp_path)
    text = ncnn_files(model, "fp32").param.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "other.param").write_text(text)
    return with_float_net(model, Net(tmp_path / "other.param", ncnn_files(model, "fp32").bin))


def test_layers_of_other_names(tmp_path: Path) -> None:
    renamed = [(f" {name} ", f" my_{name} ") for name in LAYERS]
    with pytest.raises(QuantError, match=r"layer 'conv1' \(Convolution, .*int8.param:4\) is not in it\. Give as "):
        diagnose(_with_other_float_net(tmp_path, *renamed), bench(tmp_path))


def test_blobs_of_other_names(tmp_path: Path) -> None:
    renamed = [(" c1", " x1"), ("d1 ", "x2 "), (" c2 ", " x3 "), (" cat\n", " x4\n"), (" cat ", " x4 ")]
    with pytest.raises(QuantError, match=r"layer 'conv1' .* reads and writes other blobs there \('c1' is not in it\)"):
        diagnose(_with_other_float_net(tmp_path, *renamed), bench(tmp_path))


def test_a_net_without_int8(tmp_path: Path) -> None:
    with pytest.raises(QuantError, match=r"int8.param has no quantized layer: there is no error"):
        diagnose(write_model(tmp_path, quantized=[]), bench(tmp_path))


def test_blobs_of_other_shapes(tmp_path: Path) -> None:
    model = _with_other_float_net(
        tmp_path, ("1=3 4=1 5=1 6=216 9=1", "1=3 3=2 4=1 5=1 6=216 9=1"), ("2=5120", "2=1280")
    )
    data = ncnn_files(model, "fp32").bin.read_bytes()
    ncnn_files(model, "fp32").bin.write_bytes(data[: -(3840 * 4 + 5 * 4)] + data[-5 * 4 :])
    with pytest.raises(QuantError, match=r"blob 'c1' has the shape \(8, 4, 4\) in .*other.param and \(8, 8, 8\) in"):
        diagnose(model, bench(tmp_path))


MERGED = """7767517
9 11
Input                    in       0 1 in0
Convolution              conv1    1 1 in0 c1 0=8 1=3 4=1 5=1 6=216 9=1
Split                    split    1 2 c1 c1a c1b
ConvolutionDepthWise     dw       1 1 c1a d1 0=8 1=3 4=1 5=1 6=72 7=8 9=1
Convolution              conv2    1 1 c1b c2 0=8 1=1 5=1 6=64 9=1
BinaryOp                 add      2 1 d1 c2 sum 0=0
Slice                    slice    1 2 sum s1 s2 -23300=2,-233,-233
Eltwise                  product  2 1 s1 s2 merged 0=0
InnerProduct             fc       1 1 merged out0 0=5 1=1 2=1280
"""


def test_layers_of_several_inputs_and_outputs(tmp_path: Path) -> None:
    net = write_net(tmp_path)
    net.param.write_text(MERGED)
    data = net.bin.read_bytes()
    net.bin.write_bytes(data[: -(3840 * 4 + 5 * 4)] + data[-5 * 4 :])  # the last layer has fewer inputs
    write_images(tmp_path, count=20)
    errors = by_layer(diagnose(quantize(tmp_path, net), bench(tmp_path)))
    for name in ("add", "slice", "product"):
        assert errors[name].own_sqnr_db == math.inf
    # a slice halves what was added: all of its outputs together hold the same error
    assert errors["slice"].accumulated_sqnr_db == pytest.approx(errors["add"].accumulated_sqnr_db)
    assert errors["slice"].blob == "s1"


def test_several_outputs(tmp_path: Path) -> None:
    """One that another layer reads, and that does not depend on every layer; in any order."""
    model, array = write_model(tmp_path), images(1)[0]
    nets = prepare_nets(replace(model, outputs=("out0", "d1")), tmp_path)
    probe = nets.open()
    found = probe.measure(array, outputs=True)
    sums = {pair.layer.name: layer for pair, layer in zip(nets.pairing.pairs, found.layers, strict=True)}
    fp32, int8 = (dict(net.feed({"in0": array}, ["d1", "out0"])) for net in (probe._fp32, probe._int8))
    signal = sum(float(np.square(blob.astype(np.float64)).sum()) for blob in fp32.values())
    assert [sums[layer].output.signal for layer in LAYERS] == [pytest.approx(signal)] * 4
    assert found.whole.noise == pytest.approx(sum(likeness(fp32[blob], int8[blob]).noise for blob in fp32))
    # d1 does not depend on conv2: what conv2 does shows in out0 alone
    alone = prepare_nets(model, tmp_path).open().measure(array, outputs=True).layers
    assert sums["conv2"].output.noise == pytest.approx(alone[2].output.noise)
    assert sums["dw"].output.noise == pytest.approx(alone[1].output.noise + sums["dw"].own.noise)
