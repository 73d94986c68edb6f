"""The models whose speed is measured: real ones of the shared folder, and the miniatures of ``fixtures/``."""

from __future__ import annotations

import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.later_tasks import zoo_of
from benchmarks.target_throughput import ZOO, read_models
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import BrokenModel, read_zoo

FIXTURES = tuple(Path(__file__).parents[2] / "fixtures" / f"{name}.quant.yaml" for name in ("zoo", "more"))
REAL = {"squeezenet": 400, "resnet20": 10000}
"""Model to samples: all of its dataset."""


def real_models(shared: Path) -> dict[str, ModelSpec]:
    """ResNet-20 (32x32) and SqueezeNet (227x227, JPEG)."""
    return {model.name: model for model in read_models(shared)}


POSE_AND_TEXT = """
version: 1
datasets:
  pose:
    type: coco-keypoints
    images: {shared}/data/coco-pose/images
    annotations: {shared}/data/coco-pose/person_keypoints_subset.json
    boxes: ground-truth
  icdar: {{type: icdar2015, images: {shared}/data/icdar2015/images, annotations: {shared}/data/icdar2015/gt}}
models:
  simplepose:
    task: keypoints
    dataset: pose
    fp32:
      param: {shared}/models/simplepose-coco/simplepose.param
      bin: {shared}/models/simplepose-coco/simplepose.bin
    int8:
      param: {shared}/models/simplepose-coco/simplepose-int8.param
      bin: {shared}/models/simplepose-coco/simplepose-int8.bin
    input: {{blob: data, size: [192, 256], color: rgb, mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375]}}
    output: hybridsequential0_conv7_fwd
    tolerance: {{AP: 0.05}}
  ppocr_det:
    task: text-detection
    dataset: icdar
    fp32: {{param: {shared}/models/ppocr_det-icdar/ppocr_det.param, bin: {shared}/models/ppocr_det-icdar/ppocr_det.bin}}
    int8:
      param: {shared}/models/ppocr_det-icdar/ppocr_det-int8.param
      bin: {shared}/models/ppocr_det-icdar/ppocr_det-int8.bin
    input: {{blob: in0, color: bgr, mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375]}}
    output: out0
    preprocess: {{resize: {{long_side: 960}}, pad_divisor: 32}}
    postprocess: {{decoder: db, profile: paddle, box_threshold: 0.6, unclip_ratio: 1.5}}
    tolerance: {{hmean: 0.02}}
"""


def all_models(shared: Path) -> list[ModelSpec]:
    """Those, the shared folder's other ones by task, and all of ``fixtures/``."""
    texts = [POSE_AND_TEXT.format(shared=shared.resolve()), yaml.safe_dump(zoo_of(shared.resolve()), sort_keys=False)]
    found: list[ModelSpec | BrokenModel] = []
    with TemporaryDirectory() as made:
        zoo = Path(made) / "zoo.quant.yaml"
        for text in texts:
            zoo.write_text(text)
            found += read_zoo(zoo).models
    for zoo in FIXTURES:
        found += read_zoo(zoo).models
    broken = [model.message for model in found if isinstance(model, BrokenModel)]
    if broken:
        raise SystemExit("\n".join(broken))
    return [*read_models(shared), *(model for model in found if isinstance(model, ModelSpec))]


def write_zoo(
    folder: Path, shared: Path, name: str, copies: int = 1, samples: int | None = None, first: int = 0
) -> None:
    """A zoo file with one of the real models, ``copies`` times under other names with an input of other means.

    A model with the same files and inputs as another one would find the predictions of that one.
    """
    zoo: dict[str, Any] = yaml.safe_load(ZOO.format(shared=shared.resolve()))
    entry = zoo["models"][name]
    if samples is not None:
        entry["samples"] = samples
    models = {}
    for index in range(first, first + copies):
        models[f"{name}-{index}"] = other = copy.deepcopy(entry)
        other["input"]["mean"] = [mean + index / 1000 for mean in entry["input"]["mean"]]
    (folder / "zoo.quant.yaml").write_text(yaml.safe_dump(zoo | {"models": models}, sort_keys=False))


def give_own_nets(zoo: Path) -> Path:
    """Write each model of a zoo file nets of its own beside it, whose layers have other names; gives the zoo file.

    Their ``.bin`` files are links to one: a collection reads each by itself, and only pages of it.
    """
    content = yaml.safe_load(zoo.read_text())
    for name, entry in content["models"].items():
        for side in ("fp32", "int8"):
            found = {key: Path(path) for key, path in entry[side].items()}
            head, count, *layers = found["param"].read_text().splitlines()
            words = [layer.split(maxsplit=2) for layer in layers]
            renamed = [f"{kind} {layer}-{name} {rest}" for kind, layer, rest in words]
            own = zoo.parent / f"{name}-{side}.param"
            own.write_text("\n".join([head, count, *renamed, ""]))
            own.with_suffix(".bin").symlink_to(found["bin"])
            entry[side] = {"param": own.name, "bin": own.with_suffix(".bin").name}
    zoo.write_text(yaml.safe_dump(content, sort_keys=False))
    return zoo
