"""Whatever stands in a zoo file or in a net's files: reading it gives a model or a message, and no other error."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_quant.spec.errors import ZooError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import BrokenModel, read_zoo
from tests import tiny

VALUES: list[Any] = [
    *(None, True, 0, -1, 1, 5, 10**30, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *(
        "",
        "x",
        "1%",
        "-5%",
        "data",
        "prob",
        "classification",
        "pan",
        "simcc",
        "~nosuchuser/x",
        "a\0b",
        "x" * 5000,
        "\n",
    ),
    *([], [1], [8, 8], [None], ["data", "prob"], {}, {"top1": 1}, {"top1": None}, {"a": {"b": [1]}}, {1: 2}),
    *("${", "${A}", "${A:-}", "${A:-x}"),
]
PIECES = ["0=1.5", "4=1.0", "6=-1", "0=", "-23300=2,1,2", "1=99999999999", "\n", "Input", "x", "0=nan", "8=2", "30=1,2"]
KEYS: list[Any] = ["x", "", 3, None, True, 1.5, "top5", "type", "a b", "a::b", "<<"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zoo")


def classifier(folder: Path) -> dict[str, Any]:
    entry = tiny.model_entry(
        folder,
        floor={"top1": 70},
        published={"int8": {"top1": {"value": 78.25, "samples": 4000, "within": 0.1}}, "fp32": {"top1": 79.0}},
        require={"runtime": "deploy"},
        samples=100,
        runtime="deploy",
        xfail={"top1": "issue 7"},
        preprocess={"resize": {"short_side": 9, "rounding": "truncate"}, "crop": 8, "backend": "opencv"},
        postprocess={},
        metric={"top1": {"profile": "mmpretrain"}},
    )
    entry["int8"]["table"] = "tiny.table"
    entry["input"] |= {"color": "bgr", "scale": 0.5}
    return entry


def text_detector(folder: Path) -> dict[str, Any]:
    entry = tiny.model_entry(
        folder,
        task="text-detection",
        dataset="text",
        tolerance={"hmean": "1%", "precision": 0.01},
        require={"runtime": "reference"},
        preprocess={"resize": {"keep_ratio": [1333, 736]}, "backend": "opencv", "pad_divisor": 32},
        postprocess={"decoder": "db", "profile": "mmocr", "mask_threshold": 0.3, "box": "quad", "unclip_ratio": 1.5},
        metric={"hmean": {"profile": "mmocr-0.x", "score_threshold": 0.9, "match": "greedy"}},
    )
    del entry["input"]["size"]
    return entry


def pose_net(folder: Path) -> dict[str, Any]:
    (folder / "config.py").write_text("model = dict(test_cfg=dict(flip_test=True))\n")
    return tiny.model_entry(
        folder,
        task="keypoints",
        dataset="pose",
        output="conv",
        tolerance={"AP": 0.01},
        require={"flip_test": True},
        config="config.py",
        preprocess={"padding": 1.25, "udp": False},
        postprocess={"decoder": "heatmap", "refine": "dark", "flip_test": True, "flip_shift": True, "blur_kernel": 11},
        metric={"AP": {"nms": "oks", "nms_threshold": 0.9, "keypoint_threshold": 0.2, "bbox_in_results": True}},
    )


DATASETS = {
    "colours": {"type": "image-list", "root": ".", "list": "list.txt"},
    "text": {"type": "icdar2015", "images": "images", "annotations": "gt"},
    "pose": {"type": "coco-keypoints", "images": "images", "annotations": "a.json", "boxes": "ground-truth"},
}


@pytest.fixture(scope="module", params=[classifier, text_detector, pose_net])
def content(folder: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A zoo file with many keys, whose files lie in the folder."""
    (folder / "tiny.table").write_text("conv_param_0 1\nconv 1\n")
    tolerance = {"top1": 1.0, "hmean": 0.01, "AP": 0.01}
    entry = request.param(folder)
    datasets = {entry["dataset"]: DATASETS[entry["dataset"]]}
    path = tiny.write_zoo(folder, {"tiny": entry}, datasets=datasets, defaults={"tolerance": tolerance})
    written: dict[str, Any] = yaml.safe_load(path.read_text())
    return written


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of the file with a key of it."""
    found: list[tuple[Any, Any]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += [(value, key), *places(item)]
    return found


def outcome(folder: Path, text: str) -> list[ModelSpec | BrokenModel]:
    path = folder / "zoo.quant.yaml"
    path.write_text(text)
    try:
        zoo = read_zoo(path)
    except ZooError:
        return []
    assert all(zoo.problems)
    assert all(model.message for model in zoo.models if isinstance(model, BrokenModel))
    return list(zoo.models)


def test_the_unchanged_file_is_fine(folder: Path, content: dict[str, Any]) -> None:
    assert isinstance(outcome(folder, yaml.safe_dump(content))[0], ModelSpec)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_any_value_in_any_place(folder: Path, content: dict[str, Any], data: st.DataObject) -> None:
    changed = copy.deepcopy(content)
    container, key = data.draw(st.sampled_from(places(changed)))
    container[key] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))
    outcome(folder, yaml.safe_dump(changed, default_flow_style=data.draw(st.booleans())))


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_any_key_in_any_place(folder: Path, content: dict[str, Any], data: st.DataObject) -> None:
    changed = copy.deepcopy(content)
    container, key = data.draw(st.sampled_from([place for place in places(changed) if isinstance(place[0], dict)]))
    container[data.draw(st.sampled_from(KEYS))] = container.pop(key)
    outcome(folder, yaml.safe_dump(changed))


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_any_damage_to_a_net(folder: Path, content: dict[str, Any], data: st.DataObject) -> None:
    small = {"version": 1, "datasets": content["datasets"], "models": {"tiny": tiny.model_entry(folder)}}
    name = data.draw(st.sampled_from(["tiny.bin", "tiny-int8.bin", "tiny.param", "tiny-int8.param"]))
    before = (folder / name).read_bytes()
    after = data.draw(edited(before) if name.endswith(".param") else patched(before))
    (folder / name).write_bytes(after)
    outcome(folder, yaml.safe_dump(small))
    (folder / name).write_bytes(before)


@st.composite
def patched(draw: st.DrawFn, before: bytes) -> bytes:
    """Bytes of a file with some of them replaced."""
    start, length = draw(st.integers(0, len(before))), draw(st.integers(0, len(before)))
    return before[:start] + draw(st.binary(max_size=12)) + before[start + length :]


@st.composite
def edited(draw: st.DrawFn, before: bytes) -> bytes:
    """A text with some of its words replaced by others, or by what a layer's line can hold."""
    words = before.decode().split(" ")
    for _ in range(draw(st.integers(1, 3))):
        index, length = draw(st.integers(0, len(words) - 1)), draw(st.integers(0, 2))
        words[index : index + length] = draw(st.lists(st.sampled_from([*PIECES, *words]), max_size=2))
        words = words or [""]
    return " ".join(words).encode()
