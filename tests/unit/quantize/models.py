"""A model of the small random network: with a dataset, so that it can be diagnosed and measured."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files import Table
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.quantize.calibration import calibrate
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import read_zoo
from tests.tiny import SIDE, write_images, write_zoo

from .nets import Net, images, write_net

LAYERS = ("conv1", "dw", "conv2", "fc")
"""Those that can be int8."""


def write_model(
    folder: Path, *, quantized: Iterable[str] = LAYERS, scales: dict[str, float] | None = None
) -> ModelSpec:
    """Write the network, its int8 version and 20 images; ``scales`` replaces input scales of the calibration."""
    net = write_net(folder)
    write_images(folder, count=20)
    return quantize(folder, net, quantized=quantized, scales=scales)


def quantize(
    folder: Path, net: Net, *, quantized: Iterable[str] = LAYERS, scales: dict[str, float] | None = None
) -> ModelSpec:
    """Write the int8 version of a network that has the layers of the random one, and a zoo of both."""
    table = calibrate(*net.paths, lambda: images(5), lambda: BlobExtractor(*net.paths), method="minmax")
    activations = {name: scale for name, scale in table.activations.items() if name in set(quantized)}
    kept = {f"{name}_param_0": table.weights[f"{name}_param_0"] for name in activations}
    table = Table(weights=kept, activations={**activations, **(scales or {})})
    quantize_model(*net.paths, table, folder / "int8.param", folder / "int8.bin")
    return read_model(folder, net)


def read_model(folder: Path, net: Net) -> ModelSpec:
    """The model of a float network and of ``int8.param`` and ``int8.bin``."""
    entry = {
        "task": "classification",
        "dataset": "colours",
        "fp32": {"param": net.param.name, "bin": net.bin.name},
        "int8": {"param": "int8.param", "bin": "int8.bin"},
        "input": {"blob": "in0", "size": [SIDE, SIDE], "mean": [127.5] * 3, "std": [127.5] * 3},
        "output": "out0",
        "tolerance": {"top1": 5.0},
    }
    model = read_zoo(write_zoo(folder, {"net": entry})).models[0]
    assert isinstance(model, ModelSpec), model.message
    return model


def with_float_net(model: ModelSpec, net: Net) -> ModelSpec:
    """The same model with another float side."""
    return model.with_net("fp32", NcnnFiles(param=net.param, bin=net.bin).net())


def bench(folder: Path, cores: int = 1) -> Workbench:
    return open_workbench(folder / "run", cores=cores)
