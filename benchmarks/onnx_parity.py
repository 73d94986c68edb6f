"""A real ResNet-20 as ONNX, as ncnn fp32, as ncnn int8 and as quantized ONNX, all on the same CIFAR-10 images.

    python -m benchmarks.onnx_parity ../shared                   # 10000 images
    python -m benchmarks.onnx_parity ../shared --samples 500

The folder holds ``models/`` and ``data/``. Its ONNX file is pnnx's picture of the graph, from which a runnable model is
made; onnxruntime's quantizer makes the QDQ form with the calibration images. Printed: the reason of
each verdict, and images per second of one core.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import onnx
import yaml
from numpy.typing import NDArray

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.cores import available_cores
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.judging.assess import Assessor
from pytest_quant.zoo.reader import BrokenModel, read_zoo
from tests.pnnx_picture import runnable

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


class Images:
    """The calibration images one by one, as onnxruntime's quantizer asks for them."""

    def __init__(self, folder: Path, count: int) -> None:
        self._paths = iter(sorted(folder.glob("*.png"))[:count])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next input, or None at the end."""
        path = next(self._paths, None)
        if path is None:
            return None
        pixels = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).astype(np.float32)  # type: ignore[arg-type]
        array = (pixels - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
        return {"input": np.ascontiguousarray(array.transpose(2, 0, 1)[np.newaxis])}


def write_models(shared: Path, folder: Path, calibration_images: int = 200) -> None:
    """Write ``resnet20.onnx`` and ``resnet20-qdq.onnx``."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    logging.getLogger().setLevel(logging.ERROR)
    picture = shared / "models" / "resnet20-cifar10" / "resnet20.onnx"
    onnx.save(runnable(picture, (1, 3, 32, 32)), folder / "resnet20.onnx")
    CalibrationDataReader.register(Images)
    quantize_static(
        folder / "resnet20.onnx",
        folder / "resnet20-qdq.onnx",
        Images(shared / "data" / "cifar10" / "calibration", calibration_images),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        reduce_range=True,  # without it 8-bit products saturate on processors without VNNI
    )


def zoo_entry(shared: Path) -> dict[str, Any]:
    """The zoo of the model over the test images."""
    files = shared / "models" / "resnet20-cifar10"
    model = {
        "task": "classification",
        "dataset": "cifar10",
        "fp32": {"param": str(files / "resnet20.param"), "bin": str(files / "resnet20.bin")},
        "int8": {"param": str(files / "resnet20-int8.param"), "bin": str(files / "resnet20-int8.bin")},
        "onnx": "resnet20.onnx",
        "onnx_int8": "resnet20-qdq.onnx",
        "input": {"blob": "in0", "size": [32, 32], "color": "rgb", "mean": list(MEAN), "std": list(STD)},
        "output": "out0",
        "tolerance": {"top1": 1.0},
    }
    dataset = {"type": "image-list", "root": str(shared / "data" / "cifar10"), "list": "test.txt"}
    return {"version": 1, "datasets": {"cifar10": dataset}, "models": {"resnet20": model}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--samples", type=int)
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_models(given.shared.resolve(), folder)
        (folder / "zoo.quant.yaml").write_text(yaml.safe_dump(zoo_entry(given.shared.resolve())))
        (model,) = read_zoo(folder / "zoo.quant.yaml").models
        if isinstance(model, BrokenModel):
            raise SystemExit(model.message)
        bench = open_workbench(
            folder / "run", cores=available_cores(), sampling=Sampling(samples=given.samples, whole=not given.samples)
        )
        assessor = Assessor(bench, confidence=0.95)
        for limit in model.limits:
            start = time.perf_counter()
            verdict = assessor.assess(model, limit)
            elapsed_s = time.perf_counter() - start
            print(f"{limit.name}: {verdict.decision} in {elapsed_s:.1f} s: {verdict.reason}")
            measurement = assessor.measurements.known(model, limit.net)
            if measurement is not None and limit.needs_dataset:
                flips = measurement.comparison.flips
                rates = {net: round(rate) for net, rate in measurement.timing.images_per_second.items()}
                print(
                    f"  right only in fp32 {flips.only_fp32_right}, only in {measurement.net} {flips.only_int8_right}, "
                    f"same class {flips.agreement_pct:.2f} %; images per second and core: {rates}"
                )


if __name__ == "__main__":
    main()
