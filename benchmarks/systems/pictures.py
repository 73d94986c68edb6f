"""A few images of real size in the format of each dataset, with ground truth.

Real ones are taken from a folder of samples (``cifar10/``, ``imagenet-sample/``, ``icdar2015/``, ``coco-pose/``) where
it has them; what it lacks is drawn: smooth noise with lines of letters, or persons of a few strokes. The nets have
random weights, so that only size, format and the kind of content matter.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

CTW1500_SIZES = ((640, 480), (500, 667), (800, 533), (1024, 768))
"""Width and height; CTW1500 has images of many sizes."""
ICDAR2015_SIZE = (1280, 720)
IMAGENET_SIZE = (500, 375)
COCO_SIZE = (640, 480)
_CURVE_POINTS = 7
_KEYPOINTS = 17


def backdrop(size: tuple[int, int], seed: int) -> Image:
    """Smooth noise of ``size`` (w, h), BGR."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 216, (9, 12, 3), np.uint8)
    fine = rng.normal(0, 8, (size[1], size[0], 3))
    smooth = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + fine, 0, 255).astype(np.uint8)


def word_band(size: tuple[int, int], row: int, rows: int, bend: float) -> NDArray[np.int32]:
    """The outline of a line of text, bent upwards or downwards; shape (14, 2), along the top and back below."""
    width, height = size
    t = np.linspace(0.0, 1.0, _CURVE_POINTS)
    x = width * (0.12 + 0.76 * t)
    middle = height * (row + 0.5) / rows + bend * height * (t - 0.5) ** 2
    half = height / rows * 0.2
    upper, lower = np.stack([x, middle - half], 1), np.stack([x, middle + half], 1)
    outline: NDArray[np.int32] = np.concatenate([upper, lower[::-1]]).round().astype(np.int32)
    return outline


def draw_words(image: Image, bend: float, rows: int = 3) -> list[NDArray[np.int32]]:
    """Draw bright bands with dark strokes across them; gives their outlines."""
    size = (image.shape[1], image.shape[0])
    bands = [word_band(size, row, rows, bend * (1 if row % 2 else -1)) for row in range(rows)]
    for band in bands:
        cv2.fillPoly(image, [band], (235, 235, 235))
        for start, end in zip(band[:_CURVE_POINTS], band[: _CURVE_POINTS - 1 : -1], strict=True):
            cv2.line(image, start.tolist(), end.tolist(), (20, 20, 20), max(2, size[1] // 120))
    return bands


def pictures(samples: Path, count: int) -> list[Image]:
    """Some images, BGR: the first of ``imagenet-sample/``, else drawn ones."""
    folder = samples / "imagenet-sample"
    names = [line.rsplit(" ", 1)[0] for line in _lines(folder / "labels.txt", count)]
    if names:
        return [_read(folder / name) for name in names]
    drawn = [backdrop(IMAGENET_SIZE, seed) for seed in range(count)]
    for image in drawn:
        draw_words(image, 0.2)
    return drawn


def write_cifar10(root: Path, samples: Path, count: int) -> None:
    """Records of ``cifar10/test.txt``, else drawn ones, as ``cifar-10-batches-bin/test_batch.bin``."""
    target = _fresh(root / "cifar-10-batches-bin")
    listed = samples / "cifar10" / "test.txt"
    lines = [line.rsplit(" ", 1) for line in _lines(listed, count)] or [["", str(i % 10)] for i in range(count)]
    with (target / "test_batch.bin").open("wb") as file:
        for index, (name, label) in enumerate(lines):
            image = _read(listed.parent / name) if name else backdrop((32, 32), index)
            file.write(bytes([int(label)]) + np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1)).tobytes())


def write_imagenet(root: Path, samples: Path, count: int) -> None:
    """Images of ``imagenet-sample/labels.txt``, else drawn ones, as ``val/`` and ``meta/val.txt``."""
    val, meta = _fresh(root / "val"), _fresh(root / "meta")
    listed = samples / "imagenet-sample" / "labels.txt"
    lines = [line.rsplit(" ", 1) for line in _lines(listed, count)]
    for name, _ in lines:
        shutil.copy(listed.parent / name, val / name)
    if not lines:
        lines = [[f"drawn_{index}.png", str(index)] for index in range(count)]
        for index, (name, _) in enumerate(lines):
            cv2.imwrite(str(val / name), backdrop(IMAGENET_SIZE, index))
    (meta / "val.txt").write_text("".join(f"{name} {label}\n" for name, label in lines))


def write_icdar2015(root: Path, samples: Path, count: int) -> None:
    """Images of ``icdar2015/``, else drawn ones, as the two folders of the challenge."""
    images, truth = _fresh(root / "ch4_test_images"), _fresh(root / "Challenge4_Test_Task1_GT")
    folder = samples / "icdar2015"
    found = [f"img_{n}" for n in range(1, 1 + count) if (folder / "images" / f"img_{n}.jpg").exists()]
    for name in found:
        shutil.copy(folder / "images" / f"{name}.jpg", images)
        shutil.copy(folder / "gt" / f"gt_{name}.txt", truth)
    for index in range(1, 1 + count) if not found else ():
        image = backdrop(ICDAR2015_SIZE, index)
        corners = [band[[0, _CURVE_POINTS - 1, _CURVE_POINTS, -1]] for band in draw_words(image, 0.0)]
        cv2.imwrite(str(images / f"img_{index}.png"), image)
        lines = [",".join(map(str, quad.ravel())) + ",word" for quad in corners]
        (truth / f"gt_img_{index}.txt").write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")


def write_ctw1500(root: Path, _samples: Path, count: int) -> None:
    """Drawn images with bent words, as ``test_images`` and ``gt_ctw1500`` in the form of the updated test set."""
    images, truth = _fresh(root / "test_images"), _fresh(root / "gt_ctw1500")
    for index in range(count):
        image = backdrop(CTW1500_SIZES[index % len(CTW1500_SIZES)], index)
        bands = draw_words(image, 0.25)
        cv2.imwrite(str(images / f"{1001 + index}.png"), image)
        lines = [",".join(map(str, band.ravel())) + ",####word" for band in bands]
        (truth / f"000{1001 + index}.txt").write_text("\n".join(lines) + "\n")


def write_coco(root: Path, samples: Path, count: int) -> None:
    """Images of ``coco-pose/``, else drawn ones, with annotations and, as if detected, boxes."""
    folder = samples / "coco-pose"
    subset = folder / "person_keypoints_subset.json"
    val, annotations = _fresh(root / "val2017"), _fresh(root / "annotations")
    if subset.exists():
        truth = _coco_subset(json.loads(subset.read_text()), count)
        for image in truth["images"]:
            shutil.copy(folder / "images" / image["file_name"], val)
    else:
        truth = _drawn_persons(val, count)
    (annotations / "person_keypoints_val2017.json").write_text(json.dumps(truth))
    rows = [
        {"image_id": a["image_id"], "category_id": 1, "bbox": a["bbox"], "score": 0.9} for a in truth["annotations"]
    ]
    detections = _fresh(root / "person_detection_results") / "COCO_val2017_detections_AP_H_56_person.json"
    detections.write_text(json.dumps(rows))


def _coco_subset(truth: dict[str, Any], count: int) -> dict[str, Any]:
    """The first images with all persons that are not crowds."""
    images = truth["images"][:count]
    ids = {image["id"] for image in images}
    persons = [a for a in truth["annotations"] if a["image_id"] in ids and not a["iscrowd"]]
    return {"images": images, "annotations": persons, "categories": truth["categories"]}


def _drawn_persons(val: Path, count: int) -> dict[str, Any]:
    images, annotations = [], []
    width, height = COCO_SIZE
    for index in range(1, 1 + count):
        picture = backdrop(COCO_SIZE, index)
        name = f"{index:012d}.png"
        images.append({"id": index, "file_name": name, "width": width, "height": height})
        for person in range(2):
            left, top, w, h = 60 + 280 * person, 60, 180, 360
            points = np.random.default_rng(10 * index + person).uniform((left, top), (left + w, top + h), (17, 2))
            cv2.polylines(picture, [points.astype(np.int32)], isClosed=False, color=(230, 200, 180), thickness=9)
            keypoints = [value for x, y in points.round().tolist() for value in (x, y, 2)]
            annotations.append(
                {
                    "id": 10 * index + person,
                    "image_id": index,
                    "category_id": 1,
                    "bbox": [left, top, w, h],
                    "area": 0.5 * w * h,
                    "iscrowd": 0,
                    "num_keypoints": _KEYPOINTS,
                    "keypoints": keypoints,
                }
            )
        cv2.imwrite(str(val / name), picture)
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}


Writer = Callable[[Path, Path, int], None]

WRITERS: dict[str, tuple[str, Writer]] = {
    "cifar10": ("CIFAR10_ROOT", write_cifar10),
    "imagenet": ("IMAGENET_ROOT", write_imagenet),
    "icdar2015": ("ICDAR2015_ROOT", write_icdar2015),
    "ctw1500": ("CTW1500_ROOT", write_ctw1500),
    "coco": ("COCO_ROOT", write_coco),
}
"""Dataset to the environment variable that the zoo file reads, and who writes ``(root, samples, count)``."""


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _lines(path: Path, count: int) -> Sequence[str]:
    return path.read_text().splitlines()[:count] if path.exists() else ()


def _read(path: Path) -> Image:
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path} is not an image")
    return np.asarray(image, np.uint8)
