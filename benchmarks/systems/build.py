"""Build one system with random weights and write it as fp32 ncnn files; a program of its own, run by `full_size`.

    python -m benchmarks.systems.build KEY FOLDER SAMPLES

Prints a line of JSON: the parameters before normalization is folded, and the layer types of the ``.param``.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.systems.blocks import ConvNorm
from benchmarks.systems.catalog import SYSTEMS
from benchmarks.systems.pictures import Image, pictures
from fixtures.make.export import export_onnx, onnx_to_ncnn
from pytest_quant.nets.ncnn.files.param import Param, read_param
from pytest_quant.nets.ncnn.files.writer import write_param

SEED = 0
_SETTLING_BATCHES, _BATCH = 3, 4
_LARGEST_SETTLING_SIDE = 256
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_BLOBS = {"in0": "input", "out0": "output"}
"""The blob names of pnnx to those of mmdeploy."""


def settle(model: nn.Module, size: tuple[int, int], images: list[Image]) -> None:
    """Draw the weights (He's normal initialization) and let every normalization see a few batches of images.

    Afterwards each map has about unit variance on images, as in a trained net, so that nothing vanishes or overflows.
    """
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean over all batches
    side = min(*size, _LARGEST_SETTLING_SIDE)
    model.train()
    with torch.no_grad():
        for start in range(0, len(images), _BATCH):
            model(torch.stack([_tensor(image, side) for image in images[start : start + _BATCH]]))
    model.eval()
    if hasattr(model, "spread"):
        _spread_outputs(model, torch.stack([_tensor(image, side) for image in images[:_BATCH]]))


def _spread_outputs(model: nn.Module, batch: Tensor) -> None:
    """Give every output channel the mean and deviation that the net asks for, by its last convolution."""
    with torch.no_grad():
        outputs = model(batch)
        mean, deviation = outputs.mean(dim=(0, 2, 3)), outputs.std(dim=(0, 2, 3))
        wanted_mean, wanted_deviation = torch.tensor(model.spread).T
        factor = wanted_deviation / deviation
        model.output.weight *= factor[:, None, None, None]
        model.output.bias.copy_((model.output.bias - mean) * factor + wanted_mean)


def _tensor(image: Image, side: int) -> Tensor:
    pixels = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)[:, :, ::-1].astype(np.float32)
    normalized = (pixels - np.array(_MEAN, np.float32)) / np.array(_STD, np.float32)
    return torch.from_numpy(np.ascontiguousarray(normalized.transpose(2, 0, 1)))


def fold(model: nn.Module) -> None:
    """Fold every normalization into its convolution."""
    for module in model.modules():
        if isinstance(module, ConvNorm):
            module.fold()


def rename_blobs(param: Param) -> Param:
    """The same net with mmdeploy's names for its input and output."""
    layers = tuple(
        layer._replace(
            bottoms=tuple(_BLOBS.get(blob, blob) for blob in layer.bottoms),
            tops=tuple(_BLOBS.get(blob, blob) for blob in layer.tops),
        )
        for layer in param.layers
    )
    return replace(param, layers=layers)


def main() -> None:
    key, folder, samples = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    system = next(system for system in SYSTEMS if system.key == key)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    model = system.build()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    settle(model, system.size, pictures(samples, _SETTLING_BATCHES * _BATCH))
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
