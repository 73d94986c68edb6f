"""One model in four runtimes: `fixtures/runtimes.quant.yaml`, and the float graph that is the same in all of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from pytest_quant.extending.known import get_format
from pytest_quant.nets.base import Array
from pytest_quant.nets.graph_format import GraphKeys
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import NetSpec
from pytest_quant.zoo.reader import read_zoo

FIXTURES = Path(__file__).parents[2] / "fixtures"
ZOO = FIXTURES / "runtimes.quant.yaml"
NAMES = ("resnet18-everywhere", "mobilenetv2-everywhere", "panet-everywhere")
OTHERS = ("hrnet_w18", "resnext50", "textsnake", "hourglass52", "ssd", "encdec", "crnn")
"""The other nets of `fixtures/`, whose ONNX file each runtime but LiteRT reads."""
MODULES = {"openvino": "openvino", "litert": "ai_edge_litert"}
LEAST_SQNR_DB = 60.0


@cache
def others() -> dict[str, ModelSpec]:
    zoos = [read_zoo(FIXTURES / name) for name in ("zoo.quant.yaml", "more.quant.yaml")]
    return {model.name: model for zoo in zoos for model in zoo.models if isinstance(model, ModelSpec)}


@cache
def models() -> dict[str, ModelSpec]:
    found = {model.name: model for model in read_zoo(ZOO).models}
    assert tuple(found) == NAMES
    assert all(isinstance(model, ModelSpec) for model in found.values()), [
        getattr(m, "message", "") for m in found.values()
    ]
    return found  # type: ignore[return-value]  # as was asserted


def image(model: ModelSpec) -> Array:
    width, height = model.input.size or (64, 96)
    return np.random.default_rng(0).normal(size=(model.input.channels, height, width)).astype(np.float32)


def outputs(model: ModelSpec, net: str, array: Array) -> dict[str, Array]:
    spec = model.net(net)
    runner = get_format(spec.format).open(spec)
    found = runner.run(array)
    runner.close()
    return found


def output(model: ModelSpec, net: str, array: Array) -> Array:
    return outputs(model, net, array)["out0"]


def sqnr_db(signal: Array, other: Array) -> float:
    signal, other = np.squeeze(signal), np.squeeze(other)
    assert signal.shape == other.shape
    noise = np.square(signal.astype(np.float64) - other).sum()
    return float(10 * np.log10(np.square(signal.astype(np.float64)).sum() / noise)) if noise else np.inf


@pytest.mark.parametrize("name", [*NAMES, *OTHERS])
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_float_graph_is_the_same_in_every_runtime(name: str, runtime: str) -> None:
    if runtime in MODULES:
        pytest.importorskip(MODULES[runtime], reason=f'needs the extra: pip install "pytest-quant[{runtime}]"')
    model = {**models(), **others()}[name]
    spec = NetSpec(runtime, GraphKeys(file=model.nets["onnx"].entry.file), outputs=model.nets["onnx"].outputs)
    one = outputs(model, "fp32", image(model))
    two = outputs(model.with_net("other", spec), "other", image(model))
    assert set(one) == set(two) == set(model.outputs)
    for blob, found in one.items():
        assert sqnr_db(found, two[blob]) >= LEAST_SQNR_DB, blob


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("net", ["onnx_qdq", "openvino_int8", "litert_int8"])
def test_every_quantized_net_is_near_fp32(name: str, net: str) -> None:
    """And is quantized throughout, but for what its tool leaves float."""
    model = models()[name]
    spec = model.net(net)
    if spec.format in MODULES:
        pytest.importorskip(MODULES[spec.format], reason=f'needs the extra: pip install "pytest-quant[{spec.format}]"')
    facts = get_format(spec.format).inspect(spec)
    assert sum(facts.quantized.values()) >= 0.9 * sum(facts.quantizable.values())
    found = sqnr_db(output(model, "fp32", image(model)), output(model, net, image(model)))
    assert 5.0 < found < LEAST_SQNR_DB
