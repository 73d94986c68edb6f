from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.nets.ncnn.files import inspect_net
from pytest_quant.nets.ncnn.files.input_hints import InputHint

from .nets import FLOAT_PARAM, RUNNING_INT8_PARAM, int8_bin, shared_model, write_net


def test_facts_of_a_float_net(tmp_path: Path) -> None:
    facts = inspect_net(*write_net(tmp_path))
    assert (facts.inputs, facts.outputs) == (("in0",), ("out0",))
    assert facts.input_channels == {"in0": 3}
    assert facts.input_hints == {"in0": InputHint()}
    assert facts.output_features == {"out0": 10}
    assert not facts.is_quantized
    assert facts.quantizable == {"Convolution": ("conv",), "ConvolutionDepthWise": ("dw",), "InnerProduct": ("fc",)}
    assert facts.storage == {"fp32": 3}


def test_facts_of_an_int8_net(tmp_path: Path) -> None:
    facts = inspect_net(*write_net(tmp_path, RUNNING_INT8_PARAM, int8_bin(top_scale=False)))
    assert facts.is_quantized
    assert facts.quantized == facts.quantizable
    assert facts.storage == {"int8": 3}


@pytest.mark.parametrize(
    ("param", "quantized"),
    [
        ("Gemm gemm 1 1 in0 out0 3=1 5=1 8=4 9=3", {}),  # 8 is the size N there
        ("Gemm gemm 1 1 in0 out0 3=1 5=1 8=4 9=3 18=2", {"Gemm": ("gemm",)}),
        ("Convolution conv 1 1 in0 out0 0=1 1=1 6=3 18=2.0", {}),  # 18 is the pad value there
        ("Quantize q 1 1 in0 out0", {"Quantize": ("q",)}),
    ],
)
def test_term_ids_depend_on_the_type(tmp_path: Path, param: str, quantized: dict[str, tuple[str, ...]]) -> None:
    path = tmp_path / "net.param"
    path.write_text(f"7767517\n2 2\nInput in 0 1 in0\n{param}\n")
    assert inspect_net(path, None).quantized == quantized


def test_grouped_first_layer_and_fixed_input(tmp_path: Path) -> None:
    text = FLOAT_PARAM.replace("Input            in       0 1 in0", "Input in 0 1 in0 0=8 1=6")
    text = text.replace("Convolution      conv ", "ConvolutionDepthWise conv").replace("6=108 9=1", "6=108 7=2")
    path = tmp_path / "net.param"
    path.write_text(text)
    facts = inspect_net(path, None)
    assert facts.input_channels == {"in0": 6}
    assert facts.input_hints == {"in0": InputHint((8, 6))}


@pytest.mark.parametrize(
    ("sizes", "hint"),
    [
        ("0=60 1=40 2=3", InputHint((60, 40), 3)),
        ("0=3 1=40 2=60", InputHint((60, 40), 3)),  # as old files write it: channels, height, width
        ("0=-233 1=-233 2=3", InputHint(None, 3)),
        ("0=224 1=-233 2=-233", InputHint()),
        ("0=3 1=3 2=3", InputHint((3, 3), 3)),
        ("0=3 1=40", InputHint((3, 40))),
        ("0=16 1=16 2=4", InputHint((16, 16), 4)),  # the weights below say 3
    ],
)
def test_weights_prove_the_channels_and_hints_bind_nothing(tmp_path: Path, sizes: str, hint: InputHint) -> None:
    path = tmp_path / "net.param"
    path.write_text(FLOAT_PARAM.replace("0 1 in0\n", f"0 1 in0 {sizes}\n"))
    facts = inspect_net(path, None)
    assert facts.input_channels == {"in0": 3}
    assert facts.input_hints == {"in0": hint}


@pytest.mark.parametrize(
    ("sizes", "hint"),
    [("0=227 1=200 2=3", InputHint((227, 200), 3)), ("0=1 1=200 2=227", InputHint((227, 200), 1))],
)
def test_a_hint_without_weights_that_prove_it(tmp_path: Path, sizes: str, hint: InputHint) -> None:
    path = tmp_path / "net.param"
    path.write_text(f"7767517\n2 2\nInput in 0 1 in0 {sizes}\nMyLayer first 1 1 in0 out0\n")
    facts = inspect_net(path, None)
    assert facts.input_channels == {}
    assert facts.input_hints == {"in0": hint}


def test_blocks_of_pixels_are_counted_as_what_they_were(tmp_path: Path) -> None:
    path = tmp_path / "net.param"
    path.write_text(
        "7767517\n3 3\nInput in 0 1 in0\nReorg focus 1 1 in0 f 0=2\nConvolution c 1 1 f out0 0=4 1=1 6=48\n"
    )
    assert inspect_net(path, None).input_channels == {"in0": 3}


def test_unknown_types(tmp_path: Path) -> None:
    path = tmp_path / "net.param"
    path.write_text(FLOAT_PARAM.replace("BinaryOp ", "MyLayer "))
    assert inspect_net(path, None).unknown_types == ("MyLayer",)


@pytest.mark.parametrize(
    ("name", "channels", "features", "quantized"),
    [
        ("resnet20-cifar10/resnet20", 3, 10, 20),
        ("squeezenet_v1.1-imagenet/squeezenet", 3, 1000, 26),
        ("simplepose-coco/simplepose", 3, 17, 56),
        ("ppocr_det-icdar/ppocr_det", 3, 1, 62),
    ],
)
def test_real_nets(name: str, channels: int, features: int, quantized: int) -> None:
    path = shared_model(f"{name}-int8.param")
    facts = inspect_net(path, path.with_suffix(".bin"))
    assert list(facts.input_channels.values()) == [channels]
    assert list(facts.output_features.values()) == [features]
    assert sum(len(names) for names in facts.quantized.values()) == facts.storage["int8"] == quantized
