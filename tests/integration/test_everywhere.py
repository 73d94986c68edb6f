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
MODULES = {"openvino": "openvino", "litert": "ai_edge_litert"}
LEAST_SQNR_DB = 60.0


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
    return np.random.default_rng(0).normal(size=(3, height, width)).astype(np.float32)


def output(model: ModelSpec, net: str, array: Array) -> Array:
    spec = model.net(net)
    runner = get_format(spec.format).open(spec)
    found = runner.run(array)["out0"]
    runner.close()
    return found


def sqnr_db(signal: Array, other: Array) -> float:
    assert signal.shape == other.shape
    noise = np.square(signal.astype(np.float64) - other).sum()
    return float(10 * np.log10(np.square(signal.astype(np.float64)).sum() / noise)) if noise else np.inf


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_float_graph_is_the_same_in_every_runtime(name: str, runtime: str) -> None:
    if runtime in MODULES:
        pytest.importorskip(MODULES[runtime], reason=f'needs the extra: pip install "pytest-quant[{runtime}]"')
    model = models()[name]
    file = model.nets["onnx"].entry.file
    other = model.with_net("other", NetSpec(runtime, GraphKeys(file=file)))
    found = sqnr_db(output(model, "fp32", image(model)), output(other, "other", image(model)))
    assert found >= LEAST_SQNR_DB


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
