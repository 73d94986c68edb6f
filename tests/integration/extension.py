"""A package from outside: a task, a dataset type, a report writer and a function task, through the one hook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests import tiny

MODULE = '''
"""What a user of pytest-quant might bring."""

import json
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from pytest_quant import function_task
from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.files import ImageFiles, require_folder
from pytest_quant.nets.base import check_input, check_outputs
from pytest_quant.nets.format import NetFormat, StaticFacts
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.base import Comparison, Flips, MetricPair, RightWrong, Task
from pytest_quant.tasks.classification.options import PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.classification.pipeline import ClassificationPipeline


class ShadeOptions(BaseModel):
    """Keys of the dataset type `shades`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    root: Path


def open_shades(spec):
    """Images whose truth is the share of each colour, measured from the file names."""
    root = spec.options.root
    require_folder(root, spec, "root")
    table = (line.split() for line in (root / "shades.txt").read_text().splitlines())
    samples = [Sample(name, tuple(map(float, shares)), root / name) for name, *shares in table]
    return ImageFiles(spec.name, samples)


class BrightestPipeline(ClassificationPipeline):
    """A classifier whose truth is the largest share."""

    def predict(self, run, prepared):
        return super().predict(run, prepared.__class__(prepared.tensor, self._labelled(prepared.sample)))

    def compare(self, samples, fp32, int8):
        found = super().compare([self._labelled(sample) for sample in samples], fp32, int8)
        pair = found.metrics["top1"]
        renamed = MetricPair(BrightestTask.metrics["hue"], pair.fp32, pair.int8, pair.evidence)
        return Comparison({"hue": renamed}, found.flips)

    @staticmethod
    def _labelled(sample):
        return Sample(sample.id, int(np.argmax(sample.truth)), sample.source)


class BrightestTask(Task):
    """A whole task of the user's own."""

    name = "brightest"
    metrics = {"hue": Metric("hue", "%", is_mean_of_hits=True)}
    dataset_types = frozenset({"shades"})
    preprocess_options = PreprocessOptions
    postprocess_options = PostprocessOptions
    metric_options = {}
    shard_size = 8
    orient = True
    place = 15

    def footnote(self, conditions, details):
        return f"hue: resized by {conditions['resize_backend']}"

    def pipeline(self, model):
        return BrightestPipeline(model)


def decode(outputs):
    (scores,) = outputs.values()
    return {"shares": np.asarray(scores, np.float32).reshape(-1), "best": int(np.argmax(scores))}


def distance(answer, truth):
    return float(np.abs(answer["shares"] - truth).mean())


def prepare(pixels):
    return (pixels.astype(np.float32).transpose(2, 0, 1) - 127.5) / 127.5


class Handmade(NetFormat):
    """One linear layer and softmax over the mean colour: a JSON file with `weights`, `bias` and the int8 `step`."""

    def version(self):
        return "3.1"

    def inspect(self, net):
        step = self._read(net).get("step")
        return StaticFacts(quantized={} if step is None else {"Linear": 1}, quantizable={"Linear": 1})

    def open(self, net):
        return HandmadeRunner(net, self._read(net))

    @staticmethod
    def _read(net):
        try:
            return json.loads(net.entry.file.read_text())
        except ValueError as error:
            raise ModelFileError(f"{net.entry.file}: is not JSON: {error}") from None


class HandmadeRunner:
    """A loaded net."""

    def __init__(self, net, content):
        (self._output,) = net.outputs
        self._channels = net.input.channels
        self._weights = np.array(content["weights"], np.float32)
        self._bias = np.array(content["bias"], np.float32)
        self._step = content.get("step")

    def run(self, array):
        array = check_input("handmade", array, channels=self._channels, size=None)
        mean = array.mean(axis=(1, 2))
        if self._step is not None:
            mean = np.round(mean / self._step) * np.float32(self._step)
        scores = np.exp(self._weights @ mean + self._bias)
        outputs = {self._output: (scores / scores.sum()).astype(np.float32)}
        check_outputs("handmade", outputs)
        return outputs

    def close(self):
        """There is nothing to free."""


def write_lines(report, path):
    Path(path).write_text("accuracy of " + ", ".join(report_models(report)) + "\\n")


def report_models(report):
    models = report["models"] if isinstance(report, dict) else report.models
    return sorted(models)


def pytest_quant_register(registry):
    registry.task(BrightestTask())
    registry.dataset("shades", ShadeOptions, open_shades)
    registry.report(".lines", write_lines)
    registry.net_format("handmade", Handmade)
    registry.task(
        function_task(
            "shares", metric="mae", datasets=("shades",), prepare=prepare, decode=decode, score=distance,
            higher_is_better=False,
        )
    )
    registry.task(
        function_task(
            "levels", metric="level", datasets=("shades",), decode=decode, unit="grey", maximum=None,
            score=lambda answer, truth: 255.0 * float(answer["shares"][answer["best"]]),
        )
    )
'''
"""The plugin as one module: a ``conftest.py``, or the module of an installed package."""


def write_shades(folder: Path, count: int = 60) -> None:
    """Images with the shares of the four answers of the tiny net as truth, nearly those that fp32 gives."""
    tiny.write_images(folder, count)
    rng = np.random.default_rng(7)
    lines = []
    for line in (folder / "list.txt").read_text().splitlines():
        name, label = line.split()
        shares = rng.dirichlet(np.ones(tiny.CLASSES) + 6 * np.eye(tiny.CLASSES)[int(label)])
        lines.append(" ".join([name, *(f"{share:.4f}" for share in shares)]))
    (folder / "shades.txt").write_text("\n".join(lines) + "\n")


def write_handmade(folder: Path, name: str, step: float | None = None) -> dict[str, str]:
    """Write a net of the format `handmade`, quantized in steps of ``step``; gives its entry."""
    content = {"weights": [[2, -1, -1], [-1, 2, -1], [-1, -1, 2], [0.1, 0.1, 0.1]], "bias": [0, 0, 0, 0.4]}
    (folder / name).write_text(json.dumps(content if step is None else {**content, "step": step}))
    return {"handmade": name}


def write_zoo(folder: Path, **models: Any) -> Path:
    """One model of each task that `MODULE` brings."""
    write_shades(folder)
    plain = {"blob": "data"}
    entries = {
        "hues": tiny.model_entry(folder, "hues", task="brightest", dataset="mine", tolerance={"hue": 5.0}),
        "shares": tiny.model_entry(
            folder, "shares", task="shares", dataset="mine", input=plain, tolerance={"mae": 0.05}, floor={"mae": 0.5}
        ),
        "levels": tiny.model_entry(folder, "levels", task="levels", dataset="mine", tolerance={"level": 20.0}),
    }
    entries["own"] = tiny.model_entry(
        folder, "own", task="shares", dataset="mine", input=plain, tolerance={"mae": 0.05},
        fp32=write_handmade(folder, "own.json"), int8=write_handmade(folder, "own-int8.json", 0.02),
        nets={"coarse": write_handmade(folder, "coarse.json", 0.5)},
    )  # fmt: skip
    head = {"version": 1, "datasets": {"mine": {"type": "shades", "root": "."}}, "models": {**entries, **models}}
    path = folder / "zoo.quant.yaml"
    path.write_text(yaml.safe_dump(head, sort_keys=False))
    return path


def as_conftest(folder: Path) -> None:
    """Bring it by a ``conftest.py``."""
    (folder / "conftest.py").write_text(MODULE)


def as_installed(folder: Path, name: str = "quant_shades") -> Path:
    """Bring it by a package with an entry point, installed in a folder; gives what belongs on the path."""
    site = folder / f"site-{name}"
    info = site / f"{name}-1.5.dist-info"
    info.mkdir(parents=True)
    (site / f"{name}.py").write_text(MODULE)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(f"[pytest11]\n{name} = {name}\n")
    (info / "RECORD").write_text("")
    return site
