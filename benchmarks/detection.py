"""What a detector's evaluation costs besides the forward pass, and what real detectors score.

    python -m benchmarks.detection                          # decoding and NMS; COCO's numbers at 5000 images
    python -m benchmarks.detection --shared ../shared       # and three real nets: scores, times, losses against fp32

The evaluation: matching, the twelve numbers and 500 resamples of mAP for as many images and objects as COCO val2017
has, next to pycocotools and, where it is installed, faster-coco-eval on the same results; whether all agree to the last
digit. Objects and detections are synthetic, and times are those of the processor. The losses: what int8 nets lose on
the calibration images where fp32's answers are the truth, at several least scores, beside what they lose on the
labelled images.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_detection import CocoObject, DetectionTruth, open_dataset, truth_of
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.unlabelled import open_images
from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.object_detection import reference
from pytest_quant.tasks.object_detection.decoders import make_decoder
from pytest_quant.tasks.object_detection.geometry import Geometry
from pytest_quant.tasks.object_detection.matching import flat_found, flat_objects, match
from pytest_quant.tasks.object_detection.metric import DEFINITIONS, METRICS, compare_sides
from pytest_quant.tasks.object_detection.options import PostprocessOptions
from pytest_quant.tasks.object_detection.pipeline import ObjectDetectionPipeline
from pytest_quant.tasks.object_detection.prediction import Detections
from pytest_quant.zoo.reader import read_zoo

CLASSES, SIDE = 80, 416
RESAMPLES = 500
LEAST_SCORES = (0.3, 0.5, 0.6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--shared", type=Path, help="folder with models/ and data/ of the real nets")
    arguments = parser.parse_args()
    with single_threaded_opencv():
        decoding()
        if arguments.shared:
            for model in real_detectors(arguments.shared.resolve()):
                scores_and_losses(model, arguments.shared.resolve())
    if arguments.images:
        evaluation(arguments.images)


def milliseconds(function: Callable[[], Any], repetitions: int = 30) -> float:
    """Median processor time of one call."""
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1000 * float(np.median(times))


def decoding() -> None:
    """A crowded image: 3549 boxes of 80 classes, some hundred of them above the threshold."""
    rng = np.random.default_rng(0)
    geometry = Geometry((640, 480), (SIDE, SIDE), (SIDE, 312), (0.65, 0.65))
    yolox = rng.normal(0, 1, (3549, 85)).astype(np.float32)
    yolox[:, 4] = rng.beta(0.1, 4, 3549)
    yolox[:, 5:] = rng.beta(0.1, 4, (3549, CLASSES))
    dfl = rng.normal(0, 1, (3598, 112)).astype(np.float32)
    dfl[:, :CLASSES] = rng.normal(-6, 1.5, (3598, CLASSES))
    print("decoding and NMS, ms per image")
    for name, options, rows in (
        ("yolox, best class", {"decoder": "yolox"}, yolox),
        ("yolox, all classes", {"decoder": "yolox", "classes_per_box": "all"}, yolox),
        ("nanodet-plus", {"decoder": "dfl"}, dfl),
    ):
        decode = make_decoder(PostprocessOptions.model_validate(options), ("out0",))
        spent = milliseconds(lambda decode=decode, rows=rows: decode({"out0": rows}, geometry, CLASSES))  # type: ignore[misc]
        print(f"  {name:24} {spent:7.2f}   {len(decode({'out0': rows}, geometry, CLASSES))} detections")


def real_detectors(shared: Path) -> Sequence[ModelSpec]:
    """The three nets of the shared folder, as zoo entries."""
    nets, data = shared / "models", shared / "data" / "coco-detection"

    def entry(name: str, **keys: Any) -> dict[str, Any]:
        files = {side: nets / f"{name}-coco" / f"{name}{end}" for side, end in (("fp32", ""), ("int8", "-int8"))}
        both = {side: {kind: f"{path}.{kind}" for kind in ("param", "bin")} for side, path in files.items()}
        return {"task": "object-detection", "dataset": "coco", "tolerance": {"mAP": 0.01}, **both, **keys}

    mean, std = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
    models = {
        "yolox_nano": entry(
            "yolox_nano",
            input={"blob": "images", "size": [SIDE, SIDE], "mean": mean, "std": std},
            output="output",
            preprocess={"resize": {"letterbox": [SIDE, SIDE]}},
            postprocess={"decoder": "yolox"},
        ),
        "nanodet_plus_m": entry(
            "nanodet_plus_m",
            input={"blob": "in0", "size": [SIDE, SIDE], "color": "bgr", "mean": mean[::-1], "std": std[::-1]},
            output="out0",
            postprocess={"decoder": "dfl"},
        ),
        "yolo_fastest_xl": entry(
            "yolo_fastest_xl",
            input={"blob": "data", "size": [320, 320], "mean": [0, 0, 0], "std": [255, 255, 255]},
            output="output",
            postprocess={"decoder": "detection-output"},
        ),
    }
    coco = {
        "type": "coco-detection",
        "images": str(data / "val2017"),
        "annotations": str(data / "instances_val2017_subset.json"),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "detectors.quant.yaml"
        path.write_text(yaml.safe_dump({"version": 1, "datasets": {"coco": coco}, "models": models}))
        return [model for model in read_zoo(path).models if isinstance(model, ModelSpec)]


def scores_and_losses(model: ModelSpec, shared: Path) -> None:
    dataset = open_dataset(model.dataset)
    sides = {side: _predicted(model, side, dataset.samples, dataset.read) for side in ("fp32", "int8")}
    comparison = compare_sides(dataset.samples, sides["fp32"][0], sides["int8"][0], ())
    print(f"{model.name}, {len(dataset.samples)} images")
    for side, (_, forward_ms, decode_ms) in sides.items():
        values = "  ".join(f"{name} {getattr(pair, side):.4f}" for name, pair in comparison.metrics.items())
        found = comparison.details[side]
        print(f"  {side}  {values}  AR100 {found['AR100']:.4f}  {found['detections']} detections")
        print(f"        forward {forward_ms:.1f} ms, decoding and NMS {decode_ms:.2f} ms")
    images = open_images(shared / "data" / "coco-detection" / "calibration")
    fp32, int8 = (_predicted(model, side, images.samples, images.read)[0] for side in ("fp32", "int8"))
    print(f"  int8 loses on {len(images.samples)} calibration images, fp32 being the truth at IoU 0.50 to 0.75:")
    for least in LEAST_SCORES:
        reference.REFERENCE_SCORE = least
        samples = [
            reference.found_objects(plain, truth_of(plain), found)
            for plain, found in zip(_without_truth(images.samples), fp32, strict=True)
        ]
        lost = compare_sides(samples, fp32, int8, ()).metrics["mAP"].drop
        objects = sum(len(truth_of(sample).objects) for sample in samples)
        print(f"    scores from {least:g}, {objects} objects: {lost:.4f}")


def _without_truth(samples: Sequence[Sample]) -> Iterator[Sample]:
    for number, sample in enumerate(samples):
        yield replace(sample, truth=DetectionTruth(CocoImage(number, sample.id, 1, 1), (), ()))


def _predicted(
    model: ModelSpec, side: str, samples: Sequence[Sample], read: Callable[[Sample], Any]
) -> tuple[list[Detections], float, float]:
    """Predictions, and milliseconds an image of the forward pass and of the rest."""
    pipeline, runner = ObjectDetectionPipeline(model), open_runner(model, side)
    found, forward, whole = [], 0.0, 0.0

    def run(array: Any) -> Any:
        nonlocal forward
        start = time.process_time()
        outputs = runner.run(array)
        forward += time.process_time() - start
        return outputs

    for sample in samples:
        prepared = pipeline.prepare(read(sample), sample)
        start = time.process_time()
        found.append(pipeline.predict(run, prepared))
        whole += time.process_time() - start
    runner.close()
    return found, 1000 * forward / len(samples), 1000 * (whole - forward) / len(samples)


def synthetic(images: int) -> tuple[list[DetectionTruth], list[Detections]]:
    """About 7.4 objects an image as in val2017, of classes as uneven; 60 detections an image, a third of them good."""
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.full(CLASSES, 0.4))
    names = tuple(map(str, range(CLASSES)))
    truths, sides, number = [], [], 0
    for image in range(images):
        count = int(rng.poisson(7.4))
        box = np.concatenate([rng.uniform(0, 300, (count, 2)), rng.lognormal(4, 0.9, (count, 2))], axis=1)
        labels, area = rng.choice(CLASSES, count, p=share), 0.6 * box[:, 2] * box[:, 3]
        objects = []
        for one, label, size in zip(box.tolist(), labels.tolist(), area.tolist(), strict=True):
            number += 1
            objects.append(CocoObject(number, label, tuple(one), size, bool(rng.random() < 0.012)))
        truths.append(DetectionTruth(CocoImage(image + 1, "", 640, 480), tuple(objects), names))
        seen = np.repeat(np.arange(count), 3)
        near = np.repeat(box, 3, axis=0) + rng.normal(0, 0.12, (len(seen), 4)) * np.repeat(
            box[:, [2, 3, 2, 3]], 3, axis=0
        )
        stray = np.concatenate([rng.uniform(0, 300, (40, 2)), rng.lognormal(4, 0.9, (40, 2))], axis=1)
        every = np.concatenate([near, stray])
        every[:, 2:] = np.abs(every[:, 2:]) + every[:, :2]
        label = np.concatenate([labels[seen], rng.choice(CLASSES, 40, p=share)])
        score = np.concatenate([rng.beta(2, 2, len(seen)), rng.beta(1, 6, 40)])
        order = np.argsort(-score)
        found = Detections(
            every[order].astype(np.float32), score[order].astype(np.float32), label[order].astype(np.int32)
        )
        sides.append(found)
    return truths, sides


def evaluation(images: int) -> None:
    truths, side = synthetic(images)
    objects = sum(len(truth.objects) for truth in truths)
    print(f"evaluation of {images} images, {objects} objects, {sum(map(len, side))} detections, seconds")
    start = time.process_time()
    matches = match(
        flat_found(side), flat_objects([truth.objects for truth in truths]), images=images, categories=CLASSES
    )
    matched = time.process_time()
    ours = {name: made.value(matches, images) for name, made in DEFINITIONS.items()}
    done = time.process_time()
    print(f"  matching                 {matched - start:7.2f}")
    print(f"  the twelve numbers       {done - matched:7.2f}")
    for package, module, evaluator in (
        ("pycocotools", "pycocotools", "cocoeval.COCOeval"),
        ("faster-coco-eval", "faster_coco_eval", "COCOeval_faster"),
    ):
        if find_spec(module) is None:
            print(f"  {package} is not installed")
        else:
            other_evaluator(package, module, evaluator, truths, side, ours)
    counts = np.random.default_rng(1).multinomial(images, np.full(images, 1 / images), size=RESAMPLES)
    start = time.process_time()
    values = DEFINITIONS["mAP"].of(matches, images)(counts)
    spent = time.process_time() - start
    error = values.std(ddof=1)
    print(f"  {RESAMPLES} resamples of mAP     {spent:7.2f}   mAP {ours['mAP']:.4f}, standard error {error:.4f}")


def other_evaluator(
    package: str,
    module: str,
    evaluator: str,
    truths: Sequence[DetectionTruth],
    side: Sequence[Detections],
    ours: dict[str, float],
) -> None:
    loader = import_module(f"{module}.coco").COCO if module == "pycocotools" else import_module(module).COCO
    *parents, name = evaluator.split(".")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = loader()
        truth.dataset = _ground_truth(truths)
        truth.createIndex()
        rows = _rows(truths, side)
        start = time.process_time()
        found = getattr(import_module(".".join([module, *parents])), name)(truth, truth.loadRes(rows), "bbox")
        loaded = time.process_time()
        found.evaluate()
        found.accumulate()
        found.summarize()
    done = time.process_time()
    theirs = dict(zip(DEFINITIONS, map(float, found.stats), strict=False))
    differing = [name for name in METRICS if theirs[name] != ours[name]]
    same = "equal to the last digit" if not differing else f"differs in {', '.join(differing)}"
    print(f"  {package:24} {done - start:7.2f}   load {loaded - start:.2f}; {same}")


def _ground_truth(truths: Sequence[DetectionTruth]) -> dict[str, Any]:
    return {
        "images": [{"id": truth.image.id, "width": 640, "height": 480} for truth in truths],
        "categories": [{"id": place + 1, "name": name} for place, name in enumerate(truths[0].classes)],
        "annotations": [
            {
                "id": one.id,
                "image_id": truth.image.id,
                "category_id": one.category + 1,
                "bbox": list(one.box),
                "area": one.area,
                "iscrowd": int(one.crowd),
            }
            for truth in truths
            for one in truth.objects
        ],
    }


def _rows(truths: Sequence[DetectionTruth], side: Sequence[Detections]) -> list[dict[str, Any]]:
    rows = []
    for truth, found in zip(truths, side, strict=True):
        corners = found.boxes.astype(np.float64)
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).tolist()
        for box, score, label in zip(boxes, found.scores.tolist(), found.labels.tolist(), strict=True):
            rows.append({"image_id": truth.image.id, "category_id": label + 1, "bbox": box, "score": score})
    return rows


if __name__ == "__main__":
    main()
