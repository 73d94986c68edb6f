"""Build one system with random weights and write it as fp32 ncnn files; a program of its own, run by `full_size`.

    python -m benchmarks.systems.build KEY FOLDER

Prints a line of JSON: the parameters before normalization is folded, and the layer types of the ``.param``.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import interpolate

from benchmarks.systems.blocks import ConvNorm
from benchmarks.systems.catalog import SYSTEMS
from fixtures.make.export import export_onnx, onnx_to_ncnn
from pytest_quant.ncnn_files.param import Param, read_param
from pytest_quant.ncnn_files.writer import write_param

SEED = 0
_SETTLING_BATCHES = 2
_LARGEST_SETTLING_SIDE = 256
_BLOBS = {"in0": "input", "out0": "output"}
"""The blob names of pnnx to those of mmdeploy."""


def settle(model: nn.Module, size: tuple[int, int]) -> None:
    """Draw the weights (He's normal initialization) and let every normalization see a few batches of smooth noise.

    Afterwards each map has about unit variance, as in a trained net, so that nothing vanishes or overflows in int8.
    """
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean over all batches
    side = min(*size, _LARGEST_SETTLING_SIDE)
    model.train()
    with torch.no_grad():
        for _ in range(_SETTLING_BATCHES):
            coarse = interpolate(torch.randn(2, 3, side // 16, side // 16), size=(side, side), mode="bilinear")
            model(coarse + 0.3 * torch.randn(2, 3, side, side))
    model.eval()


def fold(model: nn.Module) -> None:
    """Fold every normalization into its convolution."""
    for module in model.modules():
        if isinstance(module, ConvNorm):
            module.fold()


def rename_blobs(param: Param) -> Param:
    """The same net with mmdeploy's names for its input and output."""
    layers = tuple(
        replace(
            layer,
            bottoms=tuple(_BLOBS.get(blob, blob) for blob in layer.bottoms),
            tops=tuple(_BLOBS.get(blob, blob) for blob in layer.tops),
        )
        for layer in param.layers
    )
    return replace(param, layers=layers)


def main() -> None:
    key, folder = sys.argv[1], Path(sys.argv[2])
    system = next(system for system in SYSTEMS if system.key == key)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    model = system.build()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    settle(model, system.size)
    fold(model)
    onnx = folder / "end2end.onnx"
    export_onnx(model, (1, 3, system.size[1], system.size[0]), onnx)
    onnx_to_ncnn(onnx, folder, folder / "pnnx")
    param = rename_blobs(read_param(folder / "end2end.param"))
    write_param(param.layers, folder / "end2end.param")
    types = Counter(layer.type for layer in param.layers)
    print(json.dumps({"parameters": parameters, "layers": dict(sorted(types.items()))}))


if __name__ == "__main__":
    main()
