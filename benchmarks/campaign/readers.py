"""Everything that is read as text: a sound file of each kind, and what reads it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pytest_quant.extending.known import open_dataset, options_of
from pytest_quant.judging.baseline import SCHEMA as BASELINE_SCHEMA
from pytest_quant.judging.baseline import read_baseline
from pytest_quant.nets.ncnn.files import inspect_net, lint_table, read_param, read_table
from pytest_quant.report.read import read_report
from pytest_quant.report.write import write_json
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.training_config.reader import read_training_config
from pytest_quant.zoo.reader import read_zoo
from tests import tiny
from tests.unit.reports import report_of

_SIZE = (40, 30)
_QUAD = [0, 0, 9, 0, 9, 5, 0, 5]


@dataclass(frozen=True)
class Reader:
    """A kind of file."""

    kind: str
    path: Path
    read: Callable[[], object]
    """Reads it and what belongs to it; raises a `QuantError` for what it refuses."""
    sound: bytes
    """Its content when it is sound."""
    known: tuple[bytes, ...] = ()
    """Contents that must be refused, or do no harm."""

    @classmethod
    def of(cls, kind: str, path: Path, read: Callable[[], object], known: tuple[bytes, ...] = ()) -> Reader:
        """One whose file is sound now."""
        return cls(kind, path, read, path.read_bytes(), known)


def text_readers(folder: Path) -> list[Reader]:
    """A reader of each kind, with its files in ``folder``."""
    tiny.write_images(folder, 3)
    return [*_zoo_readers(folder), *_dataset_readers(folder), *_other_readers(folder)]


def _zoo_readers(folder: Path) -> list[Reader]:
    zoo = tiny.write_zoo(folder)
    param, weights = folder / "tiny-int8.param", folder / "tiny-int8.bin"
    table = folder / "tiny.table"
    table.write_text("conv_param_0 63.5 63.5 63.5 1270.0 \nconv 127.0 \n")
    return [
        Reader.of("zoo file", zoo, lambda: read_zoo(zoo)),
        Reader.of(".param", param, lambda: (read_zoo(zoo), inspect_net(param, weights))),
        Reader.of(".table", table, lambda: lint_table(read_table(table), read_param(param))),
    ]


def _dataset_readers(folder: Path) -> list[Reader]:
    for name in ("a", "b"):
        path = folder / "pictures" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", _SIZE).save(path)
    return [
        *_lists(folder),
        *_coco(folder),
        *_scene_text(folder),
        *_cifar(folder),
    ]


def _dataset(folder: Path, kind: str, name: str, content: object, type_name: str, **keys: Any) -> Reader:
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    spec = DatasetSpec("mini", type_name, options_of(type_name).model_validate(keys), folder / "zoo.quant.yaml")
    return Reader.of(kind, path, lambda: open_dataset(spec).samples)


def _lists(folder: Path) -> list[Reader]:
    pictures = folder / "pictures"
    val = folder / "imagenet" / "val"
    val.mkdir(parents=True)
    for name in ("a", "b"):
        Image.new("L", _SIZE).save(folder / f"{name}.mask.png")
        Image.new("RGB", _SIZE).save(val / f"{name}.png")
    root = folder / "imagenet"
    words = 'a.png, "JOINT"\nb.png, "one, two"\n'
    rows = [{"img_path": f"{name}.png", "instances": [{"text": name}]} for name in "ab"]
    pairs = "pictures/a.png a.mask.png\npictures/b.png b.mask.png\n"
    names = "road\nsky\n"
    images = "pictures/a.png 0\npictures/b.png 3\n"
    (folder / "pairs.txt").write_text(pairs)
    return [
        _dataset(
            folder,
            "image-list",
            "l.txt",
            images,
            "image-list",
            root=folder,
            list="l.txt",
        ),
        _dataset(folder, "imagenet list", "imagenet/meta/val.txt", "a.png 0\nb.png 999\n", "imagenet", root=root),
        _dataset(folder, "segmentation list", "pairs.txt", pairs, "segmentation", list=folder / "pairs.txt"),
        _dataset(
            folder,
            "segmentation classes",
            "names.txt",
            names,
            "segmentation",
            list=folder / "pairs.txt",
            classes=folder / "names.txt",
        ),
        _dataset(
            folder, "text-lines", "words.txt", words, "text-lines", images=pictures, annotations=folder / "words.txt"
        ),
        _dataset(
            folder,
            "text-lines json",
            "words.json",
            {"data_list": rows},
            "text-lines",
            images=pictures,
            annotations=folder / "words.json",
        ),
    ]


def _coco(folder: Path) -> list[Reader]:
    pictures = folder / "pictures"
    images = [{"id": at, "file_name": f"{name}.png", "width": 40, "height": 30} for at, name in enumerate("ab", 1)]
    row: dict[str, Any] = {"image_id": 1, "category_id": 1, "bbox": [4.5, 5, 20, 10], "area": 150.5, "iscrowd": 0}
    found = [{**row, "id": at, "keypoints": [10, 12, 2] * 17, "num_keypoints": 17} for at in (7, 8)]
    kinds = [{"id": 1, "name": "person", "keypoints": ["joint"] * 17}, {"id": 18, "name": "dog"}]
    truth = {"images": images, "annotations": found, "categories": kinds}
    boxes = [{"image_id": 2, "category_id": 1, "bbox": [1.1, 2.2, 10.3, 20.4], "score": 0.9}]
    (folder / "people.json").write_text(json.dumps(truth))
    return [
        _dataset(
            folder,
            "coco-detection",
            "objects.json",
            truth,
            "coco-detection",
            images=pictures,
            annotations=folder / "objects.json",
        ),
        _dataset(
            folder,
            "coco-keypoints",
            "persons.json",
            truth,
            "coco-keypoints",
            images=pictures,
            annotations=folder / "persons.json",
            boxes="ground-truth",
        ),
        _dataset(
            folder,
            "coco-keypoints boxes",
            "boxes.json",
            boxes,
            "coco-keypoints",
            images=pictures,
            annotations=folder / "people.json",
            boxes=folder / "boxes.json",
        ),
    ]


def _scene_text(folder: Path) -> list[Reader]:
    polygon = ",".join(
        map(str, [0, 0, 5, 0, 9, 0, 12, 0, 15, 0, 18, 0, 20, 0, *[20, 9, 18, 9, 15, 9, 12, 9, 9, 9, 5, 9, 0, 9]])
    )
    for part in ("icdar", "ctw", "ctwx"):
        (folder / part / "img").mkdir(parents=True)
        name = "img_1.png" if part == "icdar" else "1001.png"
        Image.new("RGB", _SIZE).save(folder / part / "img" / name)
    one = {
        "img_path": "a.png",
        "instances": [{"polygon": _QUAD, "bbox": [0, 0, 9, 5], "bbox_label": 0, "ignore": False}],
    }
    old = {
        "images": [{"id": 7, "file_name": "a.png", "height": 30, "width": 40}],
        "annotations": [
            {"id": 1, "image_id": 7, "segmentation": [_QUAD], "iscrowd": 0, "bbox": [0, 0, 9, 5], "area": 45}
        ],
        "categories": [{"id": 1, "name": "text"}],
    }
    xml = f"<image><box><label>text</label><segs>{polygon}</segs></box></image>"

    def pairs(kind: str, part: str, name: str, content: str, type_name: str) -> Reader:
        base = folder / part
        return _dataset(
            folder, kind, f"{part}/gt/{name}", content, type_name, images=base / "img", annotations=base / "gt"
        )

    def listed(kind: str, name: str, content: object) -> Reader:
        keys = {"images": folder / "pictures", "annotations": folder / name}
        return _dataset(folder, kind, name, content, "mmocr-json", **keys)

    return [
        pairs("icdar2015", "icdar", "gt_img_1.txt", "0,0,9,0,9,5,0,5,text\n1,1,8,1,8,4,1,4,###\n", "icdar2015"),
        pairs("ctw1500", "ctw", "1001.txt", f"{polygon},####text\n", "ctw1500"),
        pairs("ctw1500 xml", "ctwx", "1001.xml", xml, "ctw1500"),
        listed("mmocr-json", "ocr.json", {"metainfo": {}, "data_list": [one]}),
        listed("mmocr-json 0.x", "ocr0.json", old),
    ]


def _cifar(folder: Path) -> list[Reader]:
    records = np.random.default_rng(0).integers(0, 10, (2, 3073), dtype=np.uint8)
    batch = {b"data": records[:, 1:], b"labels": records[:, 0].tolist(), b"filenames": [b"a", b"b"]}
    return [
        _dataset(folder, "cifar10", "bin/test_batch.bin", records.tobytes(), "cifar10", root=folder / "bin"),
        _dataset(folder, "cifar10 pickle", "py/test_batch", pickle.dumps(batch), "cifar10", root=folder / "py"),
    ]


def _other_readers(folder: Path) -> list[Reader]:
    config = folder / "config.py"
    config.write_text("num_classes = 10\nmodel = dict(type='A', head=dict(n=num_classes + 1, x=[1, 2.5, 'a'] * 2))\n")
    baseline = folder / "baseline.json"
    baseline.write_text(json.dumps({"schema": BASELINE_SCHEMA, "models": {}}))
    report = folder / "report.json"
    write_json(report_of(), report)
    return [
        Reader.of("training config", config, lambda: read_training_config(config)),
        Reader.of("baseline", baseline, lambda: read_baseline(baseline)),
        Reader.of("report", report, lambda: read_report(report)),
    ]
