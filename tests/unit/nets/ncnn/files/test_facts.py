from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.nets.ncnn.files import inspect_net

from .nets import FLOAT_PARAM, INT8_PARAM, int8_bin, shared_model, write_net


def test_facts_of_a_float_net(tmp_path: Path) -> None:
    facts = inspect_net(*write_net(tmp_path))
    assert (facts.inputs, facts.outputs) == (("in0",), ("out0",))
    assert facts.input_channels == {"in0": 3}
    assert facts.input_size == {}
    assert facts.output_features == {"out0": 10}
    assert not facts.is_quantized
    assert facts.quantizable == {"Convolution": ("conv",), "ConvolutionDepthWise": ("dw",), "InnerProduct": ("fc",)}
    assert facts.storage == {"fp32": 3}


def test_facts_of_an_int8_net(tmp_path: Path) -> None:
    facts = inspect_net(*write_net(tmp_path, INT8_PARAM, int8_bin()))
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
    assert facts.input_size == {"in0": (8, 6)}


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
