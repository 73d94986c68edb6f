"""Of the answers that quantization changes, how many does the metric lose? The share behind `NET_LOSS` of a rescue.

    python -m benchmarks.net_loss ../shared

The folder holds ``models/`` and ``data/``. Every calibration method makes int8 nets of two real models, which are
scored twice on their evaluation sets: against the labels, and against the fp32 outputs as if these were the truth.
Prints both losses and their ratio, in the metric's own unit. Takes a few minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.layer_diagnosis import read_models
from pytest_quant.building.workbench import open_workbench
from pytest_quant.datasets.unlabelled import open_images
from pytest_quant.evaluation.cores import available_cores
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files
from pytest_quant.quantize.from_images import gather_model
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.rescue.search_set import open_search_set
from pytest_quant.spec.calibration import CalibrationMethod
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec

METHODS: tuple[CalibrationMethod, ...] = ("kl", "mse", "percentile", "aciq", "minmax")
CALIBRATION = {"squeezenet": "imagenet-sample/calibration", "ppocr": "icdar2015/train/train_images"}


def losses(model: ModelSpec, images: Path, folder: Path) -> Iterator[tuple[str, float, float]]:
    """Name of each net, its drop on the labels, its loss against the fp32 outputs."""
    nowhere = DatasetSpec("none", model.dataset.type, None, model.zoo, missing="so that no sample is left out")
    bench = open_workbench(folder / "run", cores=available_cores())
    search = open_search_set(replace(model, dataset=nowhere), bench, model.dataset)
    specs = [replace(nowhere, name=name, missing=None) for name in ("labels", "fp32")]
    scratch = bench.scratch(folder / "scratch", dict(zip(specs, (search.dataset, search.reference), strict=True)))
    calibration = gather_model(model, open_images(images), engine=bench.engine)
    metric = next(limit.metric.name for limit in model.limits if isinstance(limit, Tolerance))
    for method in METHODS:
        for eight_bit in (False, True):
            files = NcnnFiles(param=folder / f"{method}-{eight_bit}.param", bin=folder / f"{method}-{eight_bit}.bin")
            table = calibration.table(method, eight_bit=eight_bit)
            fp32 = ncnn_files(model, "fp32")
            quantize_model(fp32.param, fp32.bin, table, files.param, files.bin)
            variants = (replace(model.with_net("int8", files.net()), dataset=spec) for spec in specs)
            drop, loss = (scratch.measure(one).comparison.metrics[metric].drop for one in variants)
            yield f"{method}{', 8-bit weights' if eight_bit else ''}", drop, loss


def main() -> None:
    parser = argparse.ArgumentParser(description="Losses on the labels beside losses against fp32.")
    parser.add_argument("shared", type=Path, help="folder that holds models/ and data/")
    shared = parser.parse_args().shared.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        for name, model in read_models(shared, Path(scratch)).items():
            folder = Path(scratch) / name
            folder.mkdir()
            print(f"{name:34} {'drop':>8} {'against fp32':>13} {'ratio':>6}")
            for net, drop, loss in losses(model, shared / "data" / CALIBRATION[name], folder):
                ratio = f"{drop / loss:6.2f}" if loss else "     -"
                print(f"  {net:32} {drop:8.4f} {loss:13.4f} {ratio}", flush=True)


if __name__ == "__main__":
    main()
