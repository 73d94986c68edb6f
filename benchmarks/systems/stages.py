"""What is done with the built models, each a program of its own so that its memory can be told; run by `full_size`.

    python -m benchmarks.systems.stages quantize MODEL
    python -m benchmarks.systems.stages measure MODEL fp32|int8
    python -m benchmarks.systems.stages likeness MODEL

Models and datasets come from the zoo file of `catalog` and its environment variables. Prints a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.systems.catalog import ZOO
from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.extending.known import get_task, open_dataset
from pytest_quant.nets.base import Runner
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files.table import write_table
from pytest_quant.nets.ncnn.net_files import ncnn_files
from pytest_quant.quantize.calibration import calibrate
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Side
from pytest_quant.zoo.reader import read_zoo

Array = NDArray[np.float32]


def read_model(name: str) -> ModelSpec:
    """The entry of the zoo file; ends the program when it cannot be used."""
    for model in read_zoo(ZOO).models:
        if model.name == name:
            if isinstance(model, ModelSpec):
                return model
            raise SystemExit(model.message)
    raise SystemExit(f"{ZOO} has no model {name}")


def quantize(model: ModelSpec) -> dict[str, Any]:
    """Write the table and the int8 files, calibrated on all images of the dataset; the figures of that."""
    int8 = ncnn_files(model, "int8")
    assert int8.table is not None
    inputs = _inputs(model)
    files = ncnn_files(model, "fp32")
    start = time.process_time()
    table = calibrate(
        files.param, files.bin, lambda: inputs, lambda: BlobExtractor(files.param, files.bin, channels=3), method="kl"
    )
    calibrated = time.process_time()
    write_table(table, int8.table)
    report = quantize_model(
        files.param,
        files.bin,
        int8.table,
        int8.param,
        int8.bin,
    )
    return {
        "inputs": len(inputs),
        "calibrate_s": calibrated - start,
        "write_s": time.process_time() - calibrated,
        "int8_layers": len(report.quantized),
        "requantized": len(report.requantized),
        "kept_float": len(report.kept_float),
    }


def _inputs(model: ModelSpec) -> list[Array]:
    """What the net sees of every image; of a pose net one array for each box."""
    task, dataset = get_task(model.task), open_dataset(model.dataset)
    pipeline = task.pipeline(model)
    tensors = [pipeline.prepare(dataset.read(sample, orient=task.orient), sample).tensor for sample in dataset.samples]
    return [one for tensor in tensors for one in (tensor if tensor.ndim == 4 else [tensor])]


@dataclass
class _Timed:
    """A net whose forward passes are timed."""

    net: Runner
    seconds: list[float] = field(default_factory=list)
    shapes: set[tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=set)
    outputs: list[Array] = field(default_factory=list)

    def __call__(self, array: Array) -> dict[str, Array]:
        start = time.thread_time()
        outputs = self.net.run(array)
        self.seconds.append(time.thread_time() - start)
        self.shapes.update((array.shape, output.shape) for output in outputs.values())
        self.outputs += outputs.values()
        return outputs


def measure(model: ModelSpec, side: Side) -> dict[str, Any]:
    """CPU seconds of each part of the way from a file to a prediction; images share one loaded net."""
    task, dataset = get_task(model.task), open_dataset(model.dataset)
    pipeline = task.pipeline(model)
    start = time.thread_time()
    timed = _Timed(open_runner(model, side))
    opened = time.thread_time()
    prepare_s, predict_s = [], []
    predictions = []
    with single_threaded_opencv():
        for sample in dataset.samples:
            begin = time.thread_time()
            prepared = pipeline.prepare(dataset.read(sample, orient=task.orient), sample)
            middle = time.thread_time()
            predictions.append(pipeline.predict(timed, prepared))
            prepare_s.append(middle - begin)
            predict_s.append(time.thread_time() - middle)
    images = len(dataset.samples)
    np.savez(_outputs_file(model, side), *timed.outputs)
    return {
        "images": images,
        "open_s": opened - start,
        "prepare_s": sum(prepare_s) / images,
        "forward_s": sum(timed.seconds) / len(timed.seconds),
        "forwards": len(timed.seconds),
        "decode_s": (sum(predict_s) - sum(timed.seconds)) / images,
        "shapes": sorted(timed.shapes),
        "instances": [_instances(prediction) for prediction in predictions],
    }


def _outputs_file(model: ModelSpec, side: Side) -> Path:
    return ncnn_files(model, "fp32").param.with_name(f"outputs-{side}.npz")


def likeness(model: ModelSpec) -> dict[str, Any]:
    """How near the raw outputs of both sides are, once both were measured: signal to noise of each pass, in dB."""
    found = []
    with np.load(_outputs_file(model, "fp32")) as fp32, np.load(_outputs_file(model, "int8")) as int8:
        for name in fp32.files:
            signal, noise = fp32[name].astype(np.float64), int8[name].astype(np.float64) - fp32[name]
            found.append(10 * float(np.log10((signal**2).sum() / (noise**2).sum())))
    return {"sqnr_db": found}


def _instances(prediction: Any) -> int:
    """Polygons, poses, or one label."""
    for name in ("polygons", "keypoints"):
        if hasattr(prediction, name):
            return len(getattr(prediction, name))
    return 1


def main() -> None:
    action, name, *rest = sys.argv[1:]
    try:
        model = read_model(name)
        if action == "measure":
            result = measure(model, "int8" if rest == ["int8"] else "fp32")
        else:
            result = {"quantize": quantize, "likeness": likeness}[action](model)
    except QuantError as error:
        raise SystemExit(str(error)) from error
    print(json.dumps(result))


if __name__ == "__main__":
    main()
