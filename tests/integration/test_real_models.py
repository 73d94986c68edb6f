"""Real models on real images, a few hundred of them: what is reported equals a plain loop over ncnn and OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import ncnn
import numpy as np
import onnx
import pytest
import yaml
from numpy.typing import NDArray

from tests.integration.runs import Run, run_quant
from tests.pnnx_picture import runnable

SHARED = Path(__file__).parents[2].parent / "shared"
MODELS, DATA = SHARED / "models", SHARED / "data"

pytestmark = pytest.mark.skipif(
    not (MODELS.is_dir() and DATA.is_dir()),
    reason=f"the shared real models and datasets are not on this machine: {SHARED}",
)


@dataclass(frozen=True)
class Loop:
    """What one needs to know of a classifier to run it by hand."""

    name: str
    root: Path
    list_file: str
    fp32: Path
    int8: Path
    input: str
    output: str
    side: int
    is_rgb: bool
    mean: Sequence[float]
    std: Sequence[float]

    def samples(self, count: int, seed: int) -> list[tuple[str, int]]:
        """The first samples in the order of SHA-256 over seed and path."""
        lines = [line.rsplit(" ", 1) for line in (self.root / self.list_file).read_text().splitlines()]
        lines.sort(key=lambda line: sha256(f"{seed}\n{line[0]}".encode()).digest())
        return [(path, int(label)) for path, label in lines[:count]]

    def array(self, path: str) -> NDArray[np.float32]:
        image = cv2.imread(str(self.root / path))
        assert image is not None
        pixels = cv2.resize(image, (self.side, self.side)).astype(np.float32)
        pixels = pixels[:, :, ::-1] if self.is_rgb else pixels
        normalized = (pixels - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(normalized.transpose(2, 0, 1))

    def predictions(self, net: Path, samples: Sequence[tuple[str, int]]) -> list[int]:
        model = ncnn.Net()
        model.opt.num_threads = 1
        for name in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
            setattr(model.opt, f"use_{name}", False)
        assert model.load_param(str(net.with_suffix(".param"))) == 0
        assert model.load_model(str(net.with_suffix(".bin"))) == 0
        found = []
        for path, _ in samples:
            array = self.array(path)
            with model.create_extractor() as extractor:
                extractor.input(self.input, ncnn.Mat(array).clone())
                found.append(int(np.array(extractor.extract(self.output)[1]).argmax()))
        return found


RESNET20 = Loop(
    name="resnet20-cifar10",
    root=DATA / "cifar10",
    list_file="test.txt",
    fp32=MODELS / "resnet20-cifar10" / "resnet20",
    int8=MODELS / "resnet20-cifar10" / "resnet20-int8",
    input="in0",
    output="out0",
    side=32,
    is_rgb=True,
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
)
SQUEEZENET = Loop(
    name="squeezenet-v1.1",
    root=DATA / "imagenet-sample",
    list_file="labels.txt",
    fp32=MODELS / "squeezenet_v1.1-imagenet" / "squeezenet",
    int8=MODELS / "squeezenet_v1.1-imagenet" / "squeezenet-int8",
    input="data",
    output="prob",
    side=227,
    is_rgb=False,
    mean=(104.0, 117.0, 123.0),
    std=(1.0, 1.0, 1.0),
)


def net_entry(path: Path) -> dict[str, str]:
    return {"param": str(path.with_suffix(".param")), "bin": str(path.with_suffix(".bin"))}


def write_zoo(pytester: pytest.Pytester, loop: Loop, **keys: Any) -> None:
    table = loop.fp32.with_suffix(".table")
    entry: dict[str, Any] = {
        "task": "classification",
        "dataset": "real",
        "fp32": net_entry(loop.fp32),
        "int8": {**net_entry(loop.int8), "table": str(table)},
        "input": {
            "blob": loop.input,
            "size": [loop.side, loop.side],
            "color": "rgb" if loop.is_rgb else "bgr",
            "mean": list(loop.mean),
            "std": list(loop.std),
        },
        "output": loop.output,
        "preprocess": {"backend": "opencv"},
        "tolerance": {"top1": 5.0},
        **keys,
    }
    datasets = {"real": {"type": "image-list", "root": str(loop.root), "list": loop.list_file}}
    zoo = {"version": 1, "datasets": datasets, "models": {loop.name: entry}}
    (pytester.path / "zoo.quant.yaml").write_text(yaml.safe_dump(zoo))


def check_against_the_loop(run: Run, loop: Loop, count: int, seed: int) -> None:
    samples = loop.samples(count, seed)
    labels = np.array([label for _, label in samples])
    fp32, int8 = (np.array(loop.predictions(net, samples)) for net in (loop.fp32, loop.int8))
    assert run.report is not None
    entry = run.report["models"][loop.name]
    assert entry["samples"]["evaluated"] == count
    assert entry["metrics"]["top1"]["fp32"] == pytest.approx(100 * (fp32 == labels).mean())
    assert entry["metrics"]["top1"]["int8"] == pytest.approx(100 * (int8 == labels).mean())
    assert entry["flips"] == {
        "only_fp32_right": ((fp32 == labels) & (int8 != labels)).sum(),
        "only_int8_right": ((fp32 != labels) & (int8 == labels)).sum(),
        "agreement": pytest.approx(100 * (fp32 == int8).mean()),
    }
    assert 100 * (fp32 == labels).mean() > 50


def test_resnet20_on_cifar10(pytester: pytest.Pytester) -> None:
    published = {"fp32": {"top1": 81.03}, "int8": {"top1": 81.05}}
    write_zoo(pytester, RESNET20, samples=300, published=published, tolerance={"top1": 9.0})
    run = run_quant(pytester)
    check_against_the_loop(run, RESNET20, 300, seed=0)
    assert run.verdicts == {
        f"{RESNET20.name}::{case}": "pass"
        for case in ("top1", "published[fp32.top1]", "published[int8.top1]", "int8", "table")
    }
    assert ", n = 300 of 10000)" in run.cases[f"{RESNET20.name}::top1"]["reason"]
    assert "quantized layers: Convolution" in run.cases[f"{RESNET20.name}::int8"]["reason"]
    assert run.report is not None
    metrics = run.report["models"][RESNET20.name]["metrics"]
    assert metrics["top5"]["fp32"] > metrics["top1"]["fp32"]


def test_another_seed_draws_other_samples(pytester: pytest.Pytester) -> None:
    write_zoo(pytester, RESNET20)
    run = run_quant(pytester, "--quant-samples", "100", "--quant-seed", "5")
    check_against_the_loop(run, RESNET20, 100, seed=5)


def test_squeezenet_on_imagenet(pytester: pytest.Pytester) -> None:
    write_zoo(pytester, SQUEEZENET, require={"resize_backend": "opencv", "color": "bgr"})
    run = run_quant(pytester, "--quant-samples", "40")
    check_against_the_loop(run, SQUEEZENET, 40, seed=0)
    assert run.verdicts[f"{SQUEEZENET.name}::require[resize_backend]"] == "pass"
    assert run.verdicts[f"{SQUEEZENET.name}::require[color]"] == "pass"
    assert run.verdicts[f"{SQUEEZENET.name}::table"] == "pass"


def test_the_nets_of_two_models_are_told_apart(pytester: pytest.Pytester) -> None:
    write_zoo(pytester, RESNET20, int8=net_entry(SQUEEZENET.int8))
    run = run_quant(pytester)
    assert run.verdicts == {f"{RESNET20.name}::config": "error"}
    reason = run.cases[f"{RESNET20.name}::config"]["reason"]
    assert "input.blob: found 'in0', expected the input of " in reason
    assert reason.endswith("(int8): data")


def test_resnet20_before_and_after_conversion(pytester: pytest.Pytester) -> None:
    picture = MODELS / "resnet20-cifar10" / "resnet20.onnx"
    onnx.save(runnable(picture, ("n", 3, 32, 32)), pytester.path / "resnet20.onnx")
    write_zoo(pytester, RESNET20, samples=300, onnx="resnet20.onnx", tolerance={"top1": 9.0})
    run = run_quant(pytester)
    assert run.verdicts[f"{RESNET20.name}::onnx[top1]"] == "pass"
    assert run.report is not None
    found = run.report["models"][RESNET20.name]["onnx"]
    assert found["flips"]["agreement"] == 100
    assert found["metrics"]["top1"]["onnx"] == run.metric(RESNET20.name)["fp32"]
    assert found["outputs"]["blobs"]["out0"]["sqnr_db"] > 100


def test_the_picture_of_a_graph_beside_the_model_is_no_model(pytester: pytest.Pytester) -> None:
    write_zoo(pytester, RESNET20, onnx=str(MODELS / "resnet20-cifar10" / "resnet20.onnx"))
    run = run_quant(pytester)
    assert run.verdicts == {f"{RESNET20.name}::config": "error"}
    assert "is pnnx's picture of a graph" in run.cases[f"{RESNET20.name}::config"]["reason"]
