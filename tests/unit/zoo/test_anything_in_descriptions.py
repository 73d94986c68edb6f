"""Whatever stands in an export folder, a metafile or a regression file: it gives a model or a message."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.initial.look import look
from pytest_quant.zoo.initial.text import zoo_text
from pytest_quant.zoo.reader import read_zoo
from tests import exports, tiny

from .test_anything_goes_wrong import DATASETS, VALUES, outcome, places

WORDS = ["Resize", "CenterCrop", "Normalize", "Pad", "TopDownAffine", "PANHead", "DBHead", "UDPHeatmap", "SimCCLabel"]
MORE: list[Any] = [
    *VALUES,
    *WORDS,
    "2.0.0",
    "0.14.0",
    [8, -1],
    [0, 0],
    [[1.0]],
    {"type": "Resize", "size": 8},
    -7,
    1e999,
]

TASKS = {
    "classifier-0.x": ("colours", exports.classifier("0.x", classes=4), "0.x"),
    "classifier-1.x": ("colours", exports.classifier("1.x", classes=4), "1.x"),
    "db-0.x": ("text", exports.text_detector("0.x", head="DBHead", text_repr_type="quad"), "0.x"),
    "textsnake-1.x": ("text", exports.text_detector("1.x", head="TextSnakeHead"), "1.x"),
    "pose-0.x": ("pose", exports.pose_detector("0.x"), "0.x"),
    "pose-1.x": ("pose", exports.pose_detector("1.x", unbiased=True, blur_kernel_size=11), "1.x"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zoo")
    (path / "net").mkdir()
    tiny.write_net(path / "net", "end2end")
    tiny.write_net(path / "net", "end2end_int8", int8=True)
    return path


def zoo_of(dataset: str, **keys: Any) -> str:
    entry = {"dataset": dataset, "tolerance": {"top1": 1.0, "hmean": None, "AP": None}, "samples": 3, **keys}
    entry["tolerance"] = {{"colours": "top1", "text": "hmean", "pose": "AP"}[dataset]: 0.01}
    return yaml.safe_dump({"version": 1, "datasets": {dataset: DATASETS[dataset]}, "models": {"net": entry}})


def write_first_zoo(folder: Path) -> None:
    """What `init` writes is a zoo file that can be read, if it writes one."""
    try:
        text = zoo_text(look(folder), folder, "test")
    except ConfigError:
        return
    written = folder / "other.quant.yaml"
    written.write_text(text)
    read_zoo(written)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_any_value_in_any_place_of_the_json_files(folder: Path, data: st.DataObject) -> None:
    dataset, task, generation = data.draw(st.sampled_from(list(TASKS.values())))
    exports.write_export(folder / "net", copy.deepcopy(task), generation, blobs=("data", ["prob"]))
    path = folder / "net" / data.draw(st.sampled_from(["deploy.json", "pipeline.json", "pipeline.json", "detail.json"]))
    changed = json.loads(path.read_text())
    for _ in range(data.draw(st.integers(1, 2))):
        container, key = data.draw(st.sampled_from(places(changed)))
        container[key] = copy.deepcopy(data.draw(st.sampled_from(MORE)))
    path.write_text(json.dumps(changed))
    outcome(folder, zoo_of(dataset, mmdeploy="net"))
    write_first_zoo(folder)


@pytest.mark.parametrize("name", ["classifier-0.x", "classifier-1.x", "pose-0.x", "pose-1.x"])
def test_the_unchanged_folders_are_fine(folder: Path, name: str) -> None:
    dataset, task, generation = TASKS[name]
    exports.write_export(folder / "net", copy.deepcopy(task), generation, blobs=("data", ["prob"]))
    (model,) = outcome(folder, zoo_of(dataset, mmdeploy="net"))
    assert isinstance(model, ModelSpec), model.message


METAFILE = {
    "Models": [
        {
            "Name": "net",
            "Alias": ["n"],
            "Config": "configs/net.py",
            "Results": [
                {"Task": "x", "Dataset": "COCO", "Metrics": {"AP": 0.7, "AR": 0.8}},
                {"Task": "y", "Dataset": "CIFAR-10", "Metrics": {"Top 1 Accuracy": 90.0}},
            ],
        },
        {"Name": "other", "Results": {"Task": "x", "Dataset": "ICDAR2015", "Metrics": {"hmean-iou": 0.7}}},
    ]
}
REGRESSION = {
    "globals": {
        "metric_info": {
            "Top 1 Accuracy": {"metric_key": "a", "tolerance": 1},
            "AP": {"metric_key": "b", "tolerance": 2, "multi_value": 100},
        }
    },
    "ncnn": {"pipe": {"deploy_config": "x", "metric_tolerance": {"AP": 1}}},
}


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_any_value_in_any_place_of_the_yaml_files(folder: Path, data: st.DataObject) -> None:
    dataset, task, generation = data.draw(st.sampled_from([TASKS["classifier-0.x"], TASKS["pose-0.x"]]))
    exports.write_export(folder / "net", copy.deepcopy(task), generation, blobs=("data", ["prob"]))
    for name, content in (("metafile.yml", METAFILE), ("regression.yml", REGRESSION)):
        changed: Any = copy.deepcopy(content)
        container, key = data.draw(st.sampled_from(places(changed)))
        container[key] = copy.deepcopy(data.draw(st.sampled_from(MORE)))
        (folder / name).write_text(yaml.safe_dump(changed))
    own: dict[str, Any] = {"metafile": {"path": "metafile.yml"}, "regression": {"path": "regression.yml"}}
    container, key = data.draw(st.sampled_from([(None, None), *places(own)]))
    if container is not None:
        container[key] = copy.deepcopy(data.draw(st.sampled_from(MORE)))
    outcome(folder, zoo_of(dataset, mmdeploy="net", **own))
    write_first_zoo(folder)
