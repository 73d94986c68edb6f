"""Layer diagnosis on real models, and of what use its ranking is: what is gained by leaving the worst layers in float.

    python benchmarks/layer_diagnosis.py ../shared [--ranking MODEL]

The folder holds ``models/`` and ``data/``. Without ``--ranking`` all layers of both models are printed. With it the
first 1, 2, 4, ... layers of three rankings are left in float, each time in an int8 net made anew from the table of the
model, and the metric and the SQNR of the output are measured on samples that the diagnosis has not seen.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from pytest_quant.building.workbench import open_workbench
from pytest_quant.datasets.base import Sample
from pytest_quant.diagnosis.diagnose import Diagnosis, LayerError, diagnose
from pytest_quant.evaluation.cores import available_cores
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.evidence.likeness import NOTHING, likeness
from pytest_quant.extending.known import get_task
from pytest_quant.nets.ncnn.files import read_table, without_layers
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.report.diagnosis import diagnosis_entry, layer_table
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import aligned
from pytest_quant.zoo.reader import read_zoo

RANKINGS: dict[str, Callable[[Diagnosis], Sequence[LayerError]]] = {
    "output": lambda found: found.worst,
    "own": lambda found: sorted(found.worst, key=lambda error: error.own_sqnr_db),
    "accumulated": lambda found: sorted(found.worst, key=lambda error: error.accumulated_sqnr_db),
}
COUNTS = (0, 1, 2, 4, 8, 16)
SAMPLES = 32


def zoo_content(shared: Path) -> dict[str, Any]:
    """The zoo of the two real models whose diagnosis is worth reading."""
    models, data = shared / "models", shared / "data"

    def net(name: str) -> dict[str, str]:
        return {"param": str(models / f"{name}.param"), "bin": str(models / f"{name}.bin")}

    squeezenet, ppocr = "squeezenet_v1.1-imagenet/squeezenet", "ppocr_det-icdar/ppocr_det"
    return {
        "version": 1,
        "datasets": {
            "imagenet-sample": {"type": "image-list", "root": str(data / "imagenet-sample"), "list": "labels.txt"},
            "icdar2015": {
                "type": "icdar2015",
                "images": str(data / "icdar2015" / "images"),
                "annotations": str(data / "icdar2015" / "gt"),
            },
        },
        "models": {
            "squeezenet": {
                "task": "classification",
                "dataset": "imagenet-sample",
                "fp32": net(squeezenet),
                "int8": {**net(f"{squeezenet}-int8"), "table": str(models / f"{squeezenet}.table")},
                "input": {
                    "blob": "data",
                    "size": [227, 227],
                    "color": "bgr",
                    "mean": [104, 117, 123],
                    "std": [1, 1, 1],
                },
                "output": "prob",
                "preprocess": {"backend": "opencv"},
                "tolerance": {"top1": 5.0},
            },
            "ppocr": {
                "task": "text-detection",
                "dataset": "icdar2015",
                "fp32": net(ppocr),
                "int8": {**net(f"{ppocr}-int8"), "table": str(models / f"{ppocr}.table")},
                "input": {
                    "blob": "in0",
                    "color": "bgr",
                    "mean": [123.675, 116.28, 103.53],
                    "std": [58.395, 57.12, 57.375],
                },
                "output": "out0",
                "preprocess": {"resize": {"long_side": 640}},
                "postprocess": {"decoder": "db", "profile": "paddle", "box_threshold": 0.6, "unclip_ratio": 1.5},
                "metric": {"hmean": {"profile": "icdar"}},
                "tolerance": {"hmean": 0.02},
            },
        },
    }


def read_models(shared: Path, folder: Path) -> dict[str, ModelSpec]:
    """The models of `zoo_content`, of a zoo file that is written to ``folder``."""
    path = folder / "zoo.quant.yaml"
    path.write_text(yaml.safe_dump(zoo_content(shared.resolve())))
    return {model.name: model for model in read_zoo(path).models if isinstance(model, ModelSpec)}


def print_table(found: Diagnosis) -> None:
    entry = diagnosis_entry(found)
    print(f"\n{found.model}: SQNR of the output {found.output_sqnr_db:.1f} dB, {len(found.samples)} samples")
    print("\n".join(aligned(layer_table(entry, entry.layers), left=2)))


def with_float_layers(model: ModelSpec, layers: set[str], folder: Path) -> ModelSpec:
    """The model with an int8 net that leaves some layers in float."""
    fp32, table = ncnn_files(model, "fp32"), ncnn_files(model, "int8").table
    assert table is not None
    int8 = NcnnFiles(param=folder / "int8.param", bin=folder / "int8.bin")
    quantize_model(
        fp32.param,
        fp32.bin,
        without_layers(read_table(table), layers),
        int8.param,
        int8.bin,
    )
    return model.with_net("int8", int8.net())


def output_sqnr_db(model: ModelSpec, bench: Workbench) -> float:
    task = get_task(model.task)
    pipeline, dataset, total = task.pipeline(model), bench.dataset(model.dataset), NOTHING
    with closing(open_runner(model, "fp32")) as fp32, closing(open_runner(model, "int8")) as int8:
        for sample in bench.selection(model)[0]:
            tensor = pipeline.prepare(dataset.read(sample, orient=task.orient), sample).tensor
            reference, other = fp32.run(tensor), int8.run(tensor)
            total = sum((likeness(reference[blob], other[blob]) for blob in reference), total)
    return total.sqnr_db


def gains(model: ModelSpec, ranked: Sequence[LayerError], folder: Path) -> Iterator[tuple[int, float, float]]:
    """How many layers are float, the metric, and the SQNR of the output."""
    for count in COUNTS:
        bench = open_workbench(folder / "run", cores=available_cores(), sampling=Sampling(seed=1, samples=SAMPLES))
        changed = with_float_layers(model, {error.layer for error in ranked[:count]}, folder)
        pair = next(iter(bench.measure(changed).comparison.metrics.values()))
        yield count, pair.int8, output_sqnr_db(changed, bench)


def study_ranking(model: ModelSpec, folder: Path) -> None:
    bench = open_workbench(folder / "run", cores=available_cores())
    found = diagnose(model, bench)
    other = open_workbench(folder / "run", cores=available_cores(), sampling=Sampling(seed=1, samples=SAMPLES))
    samples: list[Sample] = other.selection(model)[0]
    seen = {sample.id for sample in samples} & set(found.samples)
    print(f"\n{model.name}: diagnosed on {len(found.samples)} samples, measured on {SAMPLES}, {len(seen)} in both")
    for name, ranking in RANKINGS.items():
        for count, value, sqnr_db in gains(model, ranking(found), folder):
            print(f"{name:12} {count:3} layers float: {value:8.4f}  output {sqnr_db:5.1f} dB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--ranking", metavar="MODEL", help="study the rankings on this model")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        models = read_models(arguments.shared, folder)
        if arguments.ranking is not None:
            study_ranking(models[arguments.ranking], folder)
            return
        for model in models.values():
            print_table(diagnose(model, open_workbench(folder / "run", cores=available_cores())))


if __name__ == "__main__":
    main()
