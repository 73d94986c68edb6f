"""What a keypoint evaluation costs besides the forward pass.

    python benchmarks/keypoints.py                                   # the evaluation at 5000 images
    python benchmarks/keypoints.py --net ../shared/models/simplepose-coco/simplepose \
        --output hybridsequential0_conv7_fwd --data ../shared/data/coco-pose

Per person: warp and normalization, decoding, and with ``--net`` the forward passes of fp32 and int8.
Per evaluation: rescoring, suppression, matching and the ten numbers for as many images as COCO val2017 has and 20
boxes an image, next to pycocotools and, where it is installed, faster-coco-eval on the same results; whether all agree
to the last digit; and 2000 resamples of AP for an interval. Persons and poses are synthetic.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.coco_keypoints import Box, CocoKeypointsOptions, PoseTruth, open_dataset
from pytest_quant.datasets.coco_persons import Person
from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.keypoints.coco import SIGMAS
from pytest_quant.tasks.keypoints.heatmap import Refine, decode_heatmaps
from pytest_quant.tasks.keypoints.matching import Poses, flat_persons, match
from pytest_quant.tasks.keypoints.metric import DEFINITIONS
from pytest_quant.tasks.keypoints.options import APOptions
from pytest_quant.tasks.keypoints.pipeline import KeypointsPipeline
from pytest_quant.tasks.keypoints.prediction import PosePrediction
from pytest_quant.tasks.keypoints.results import Results
from pytest_quant.tasks.keypoints.simcc import decode_simcc

INPUT_SIZE = (192, 256)
RESAMPLES = 2000
NAMES = tuple(DEFINITIONS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--boxes", type=int, default=20, help="mean number of boxes an image")
    parser.add_argument("--net", type=Path, help="path of NET.param without its suffix; NET-int8.param lies beside it")
    parser.add_argument("--blob", default="data")
    parser.add_argument("--output", default="heatmaps")
    parser.add_argument("--data", type=Path, help="folder with images/ and a person_keypoints_*.json")
    arguments = parser.parse_args()
    with single_threaded_opencv():
        decoding()
        if arguments.net and arguments.data:
            passes(pose_net(arguments.net, arguments.blob, arguments.output, arguments.data))
    evaluation(arguments.images, arguments.boxes)


def milliseconds(function: Callable[[], Any], repetitions: int = 50) -> float:
    """Median time of one call."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def decoding() -> None:
    rng = np.random.default_rng(0)
    heatmaps = rng.random((17, 64, 48), np.float32)
    x, y = rng.random((17, 384), np.float32), rng.random((17, 512), np.float32)
    refinements: tuple[Refine, ...] = ("none", "shift", "dark", "udp")
    print("decoding, ms per person")
    for refine in refinements:
        spent = milliseconds(lambda refine=refine: decode_heatmaps(heatmaps, INPUT_SIZE, refine=refine))  # type: ignore[misc]
        print(f"  heatmaps 17x64x48, {refine:5}  {spent:7.3f}")
    print(f"  simcc 384 + 512          {milliseconds(lambda: decode_simcc(x, y, 2.0)):7.3f}")
    print(f"  simcc, dark              {milliseconds(lambda: decode_simcc(x, y, 2.0, sigma=(4.9, 5.66))):7.3f}")


def pose_net(net: Path, blob: str, output: str, data: Path) -> ModelSpec:
    options = CocoKeypointsOptions(
        images=data / "images", annotations=next(data.glob("person_keypoints_*.json")), boxes="ground-truth"
    )
    int8 = net.with_name(f"{net.name}-int8")
    return ModelSpec(
        name=net.name,
        zoo=Path("zoo.quant.yaml"),
        task="keypoints",
        dataset=DatasetSpec("coco", "coco-keypoints", options, Path("zoo.quant.yaml")),
        nets={
            "fp32": NcnnFiles(param=net.with_suffix(".param"), bin=net.with_suffix(".bin")).net(),
            "int8": NcnnFiles(param=int8.with_suffix(".param"), bin=int8.with_suffix(".bin")).net(),
        },
        input=InputSpec(blob, INPUT_SIZE, "rgb", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
        outputs=(output,),
    )


def passes(model: ModelSpec) -> None:
    """Where the time of one person goes, over the images of the dataset."""
    pipeline, dataset = KeypointsPipeline(model), open_dataset(model.dataset)
    spent = dict.fromkeys(("read", "warp and normalize", "fp32 and decode", "int8 and decode"), 0.0)
    runners = {"fp32": open_runner(model, "fp32"), "int8": open_runner(model, "int8")}
    persons = 0
    for sample in dataset.samples:
        start = time.perf_counter()
        image = dataset.read(sample)
        spent["read"] += time.perf_counter() - start
        start = time.perf_counter()
        prepared = pipeline.prepare(image, sample)
        spent["warp and normalize"] += time.perf_counter() - start
        persons += len(prepared.tensor)
        for side, runner in runners.items():
            start = time.perf_counter()
            pipeline.predict(runner.run, prepared)
            spent[f"{side} and decode"] += time.perf_counter() - start
    print(f"{model.name}, {persons} persons in {len(dataset.samples)} images, ms per person on one core")
    for step, seconds in spent.items():
        print(f"  {step:24} {1000 * seconds / persons:7.3f}")


def evaluation(images: int, boxes: int) -> None:
    truths, predictions = scene(images, boxes)
    results = Results(APOptions(), INPUT_SIZE, 1.25)
    count = sum(len(truth.boxes) for truth in truths)
    print(
        f"evaluation of {images} images, {sum(len(truth.persons) for truth in truths)} persons, {count} boxes, seconds"
    )
    start = time.perf_counter()
    poses = results.poses(truths, predictions)
    scored = time.perf_counter()
    matches = match(poses, flat_persons([truth.persons for truth in truths]))
    matched = time.perf_counter()
    metrics = {
        name: definition.of({area: [one] for area, one in matches.items()}, images)
        for name, definition in DEFINITIONS.items()
    }
    ours = [float(metric(np.ones((1, images), np.int64))[0]) for metric in metrics.values()]
    done = time.perf_counter()
    print(f"  rescoring and OKS-NMS    {scored - start:7.2f}   {len(poses.score)} poses stay")
    print(f"  matching                 {matched - scored:7.2f}")
    print(f"  the ten numbers          {done - matched:7.2f}")
    for package, module, class_name in (
        ("pycocotools", "pycocotools", "cocoeval.COCOeval"),
        ("faster-coco-eval", "faster_coco_eval", "COCOeval_faster"),
    ):
        compare_with(package, module, class_name, truths, poses, ours)
    counts = np.random.default_rng(1).multinomial(images, np.full(images, 1 / images), size=RESAMPLES)
    start = time.perf_counter()
    values = metrics["AP"](counts)
    spent = time.perf_counter() - start
    print(f"  {RESAMPLES} resamples of AP     {spent:7.2f}   AP {ours[0]:.4f}, standard error {values.std():.4f}")


def compare_with(
    package: str, module: str, class_name: str, truths: Sequence[PoseTruth], poses: Poses, ours: Sequence[float]
) -> None:
    if find_spec(module) is None:
        print(f"  {package} is not installed")
        return
    ground_truth, rows = ground_truth_json(truths), result_rows(truths, poses)
    loader = import_module(f"{module}.coco").COCO if module == "pycocotools" else import_module(module).COCO
    *parents, name = class_name.split(".")
    evaluator = getattr(import_module(".".join([module, *parents])), name)
    with contextlib.redirect_stdout(io.StringIO()):
        start = time.perf_counter()
        truth = loader()
        truth.dataset = ground_truth
        truth.createIndex()
        found = evaluator(truth, truth.loadRes(rows), "keypoints")
        loaded = time.perf_counter()
        found.evaluate()
        evaluated = time.perf_counter()
        found.accumulate()
        found.summarize()
        done = time.perf_counter()
    theirs = np.asarray(found.stats, np.float64)[: len(ours)].tolist()
    same = "equal to the last digit" if theirs == list(ours) else f"differs: {theirs} and {list(ours)}"
    print(
        f"  {package:24} {done - start:7.2f}   load {loaded - start:.2f}, evaluate {evaluated - loaded:.2f}, sum up "
        f"{done - evaluated:.2f}; {same}"
    )


def scene(images: int, boxes: int, seed: int = 0) -> tuple[list[PoseTruth], list[PosePrediction]]:
    """Images with two persons in the mean, found by some boxes more or less well, and boxes of nobody."""
    rng = np.random.default_rng(seed)
    truths, predictions = [], []
    for image_id in range(1, images + 1):
        persons = tuple(person(rng, 100 * image_id + k) for k in range(rng.poisson(2.2)))
        found = [pose_near(rng, one) for one in persons for _ in range(rng.integers(1, 4))]
        found += [pose_near(rng, person(rng, 0), score=0.3) for _ in range(max(0, rng.poisson(boxes) - len(found)))]
        truths.append(
            PoseTruth(CocoImage(image_id, f"{image_id}.jpg", 640, 480), persons, tuple(box for box, _, _ in found))
        )
        predictions.append(PosePrediction.of([(points, scores) for _, points, scores in found]))
    return truths, predictions


def person(rng: np.random.Generator, person_id: int) -> Person:
    height = float(np.exp(rng.uniform(np.log(24), np.log(400))))
    size = np.array([height * rng.uniform(0.3, 0.7), height])
    corner = rng.uniform(0, np.maximum([640, 480] - size, 1))
    visible = rng.choice([0, 1, 2], 17, p=[0.3, 0.1, 0.6]) * (rng.random() < 0.6)
    points = rng.uniform(corner, corner + size, (17, 2)).round() * (visible > 0)[:, np.newaxis]
    return Person(
        id=person_id,
        box=(*corner.tolist(), *size.tolist()),
        area=float(size.prod() * 0.6),
        keypoints=tuple(np.column_stack([points, visible]).ravel().tolist()),
        labelled=int((visible > 0).sum()),
        crowd=bool(rng.random() < 0.01),
    )


def pose_near(rng: np.random.Generator, one: Person, score: float = 1.0) -> tuple[Box, Any, Any]:
    """A box around a person, the keypoints found in it, and their scores."""
    center = np.array(one.keypoints).reshape(17, 3)[:, :2]
    moved = center + rng.normal(0, 1, (17, 2)) * SIGMAS[:, np.newaxis] * np.sqrt(one.area) * rng.exponential(1.5)
    left, top, width, height = one.box
    corners = np.array([left, top, left + width, top + height], np.float32).tolist()
    box = Box(str(one.id), (corners[0], corners[1], corners[2], corners[3]), float(rng.uniform(0, score)))
    return box, moved.astype(np.float32), rng.random(17, np.float32)


def ground_truth_json(truths: Sequence[PoseTruth]) -> dict[str, Any]:
    return {
        "images": [copy.copy(vars(truth.image)) for truth in truths],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {
                "id": one.id,
                "image_id": truth.image.id,
                "category_id": 1,
                "bbox": list(one.box),
                "area": one.area,
                "keypoints": list(one.keypoints),
                "num_keypoints": one.labelled,
                "iscrowd": int(one.crowd),
            }
            for truth in truths
            for one in truth.persons
        ],
    }


def result_rows(truths: Sequence[PoseTruth], poses: Poses) -> list[dict[str, Any]]:
    """The poses as rows of a results file; each has a box of the pose's area."""
    ids = [truth.image.id for truth in truths]
    triples = np.concatenate([poses.keypoints, np.ones((len(poses.score), 17, 1))], axis=2).reshape(-1, 51)
    rows = zip(poses.image.tolist(), triples.tolist(), poses.score.tolist(), poses.area.tolist(), strict=True)
    return [
        {"image_id": ids[image], "category_id": 1, "keypoints": row, "score": score, "bbox": [0.0, 0.0, area, 1.0]}
        for image, row, score, area in rows
    ]


if __name__ == "__main__":
    main()
