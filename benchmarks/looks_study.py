"""Error and saving of early stop by looks (hmean, AP, mAP, mIoU) on resampled real per-image results.

    python -m benchmarks.looks_study ../shared --keep FOLDER                # all rows, some hours on one core
    python -m benchmarks.looks_study ../shared --keep FOLDER --only ppocr --replicates 1000

``../shared`` holds ``models/`` and ``data/``. Both nets of each model are evaluated once; what they say and what was
drawn stays in FOLDER. A row is a dataset of N images drawn with replacement from the evaluated ones, in which int8 has
its own answer on the share ``changed`` of the images and fp32's on the rest: a healthy net where few images differ. Its
true drop is known, and it comes in random orders, each looked at with the product's own bootstrap.

Errors: the limit lies exactly at the true drop, which FAIL denies, or just below it, which PASS denies; "wrong" is the
share of orders that end so at any look before the whole dataset. Allowed is 1 - P and two Monte-Carlo errors.

Saving: the share of images that is not evaluated at a limit of the true drop plus or minus ``--margins``.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.later_tasks import zoo_of
from benchmarks.throughput import read_model
from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.cores import available_cores
from pytest_quant.evidence.looks import LookPlan
from pytest_quant.evidence.score import population_correction
from pytest_quant.evidence.spread import Spread
from pytest_quant.tasks.base import Resampled

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

CONFIDENCE = 0.95
LOOKED = (0.1, 0.25, 0.5, 0.75)
"""Shares of a dataset at which orders are looked at; plans take some of them."""
RESAMPLES, GROUPS = 500, 200
"""Those of the product."""
FEWER_RESAMPLES = 100
"""For mAP; the standard error is known less well, so the errors are more than the product's, if anything."""


FEWEST = 50
"""Images: what is tried as the least number."""


@dataclass(frozen=True)
class Rule:
    """When to look, and with which bounds."""

    fractions: tuple[float, ...]
    outward: bool = True
    """The product's bounds at a look, or those of a subset's verdict."""


RULES = {
    "quarters": Rule((0.25, 0.5, 0.75)),
    "tenth and quarters": Rule((0.1, 0.25, 0.5, 0.75)),
    "tenth, quarter, half": Rule((0.1, 0.25, 0.5)),
    "quarter, half": Rule((0.25, 0.5)),
    "quarters, as a subset": Rule((0.25, 0.5, 0.75), outward=False),
}


@dataclass(frozen=True)
class Row:
    """Datasets of one kind."""

    model: str
    metric: str
    population: int
    changed: float
    """The share of images on which int8 has its own answer."""
    replicates: int

    @property
    def name(self) -> str:
        """What rows are chosen by, and kept under."""
        return f"{self.model}-{self.metric}-{self.population}-{self.changed:g}"


SIZES = (200, 400, 1000)
ADDITIVE = (("ppocr", "hmean"), ("espnet", "mIoU"), ("espnet-aciq", "mIoU"))
RANKED = (
    ("simplepose", "AP", 4),
    ("yolox_nano-mixed", "mAP50", 10),
    ("nanodet_plus_m", "mAP50", 10),
    ("nanodet_plus_m", "mAP", 40),
)
"""With what the replicates are divided by: mAP at ten similarities of 80 classes takes ten seconds for an order."""


def rows(replicates: int) -> Iterator[Row]:
    """Those of sums over images first: an order takes hundredths of a second there."""
    for model, metric in ADDITIVE:
        for changed in (1.0, 0.1, 0.02):
            for population in SIZES:
                yield Row(model, metric, population, changed, replicates)
    for model, metric, fewer in RANKED:
        for changed in (1.0, 0.1, 0.02):
            yield Row(model, metric, 400, changed, replicates // fewer)


def zoo(shared: Path) -> dict[str, Any]:
    """Those of ``later_tasks``, a text detector and a pose net."""
    content, data = zoo_of(shared), shared / "data"
    content["datasets"] |= {
        "icdar": {
            "type": "icdar2015",
            "images": str(data / "icdar2015" / "images"),
            "annotations": str(data / "icdar2015" / "gt"),
        },
        "pose": {
            "type": "coco-keypoints",
            "images": str(data / "coco-pose" / "images"),
            "annotations": str(data / "coco-pose" / "person_keypoints_subset.json"),
            "boxes": "ground-truth",
        },
    }
    usual = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
    content["models"]["ppocr"] = {
        "task": "text-detection",
        "dataset": "icdar",
        "tolerance": {"hmean": 0.01},
        **_files(shared / "models" / "ppocr_det-icdar" / "ppocr_det"),
        "input": {"blob": "in0", "color": "bgr", **usual},
        "output": "out0",
        "preprocess": {"resize": {"long_side": 960}, "pad_divisor": 32},
        "postprocess": {"decoder": "db", "profile": "paddle"},
    }
    content["models"]["simplepose"] = {
        "task": "keypoints",
        "dataset": "pose",
        "tolerance": {"AP": 0.01},
        **_files(shared / "models" / "simplepose-coco" / "simplepose"),
        "input": {"blob": "data", "size": [192, 256], **usual},
        "output": "hybridsequential0_conv7_fwd",
    }
    for model in content["models"].values():
        model.pop("published", None)
    return content


def _files(stem: Path) -> dict[str, Any]:
    int8 = {"param": f"{stem}-int8.param", "bin": f"{stem}-int8.bin", "table": f"{stem}.table"}
    return {"fp32": {"param": f"{stem}.param", "bin": f"{stem}.bin"}, "int8": int8}


def evidence(shared: Path, keep: Path, model: str, metric: str) -> Resampled:
    """Of every image twice: with int8's answer, and with fp32's in its place."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "real.quant.yaml"
        file.write_text(yaml.safe_dump(zoo(shared)))
        spec = read_model(file, model)
        bench = open_workbench(keep / "predictions", cores=available_cores())
        samples, _ = bench.selection(spec)
        found = bench.predictions(spec, ("fp32", "int8"), samples)
        pipeline = bench.on_samples(spec, samples).pipeline
        fp32, int8 = found["fp32"], found["int8"]
        pair = pipeline.compare([*samples, *samples], [*fp32, *fp32], [*int8, *fp32]).metrics[metric]
    if not isinstance(pair.evidence, Resampled):
        raise SystemExit(f"{metric} is a mean over samples")
    return pair.evidence


@dataclass(frozen=True)
class Drawn:
    """What orders of one row's datasets gave."""

    truth: Floats
    """The drop on the whole dataset, shape (replicates,)."""
    sizes: Counts
    """At how many images each look was, shape (looks,)."""
    drop: Floats
    """Shape (replicates, looks); likewise ``error``, the standard error, and ``typical``, as `Spread` has them."""
    error: Floats
    typical: Floats
    largest: float
    """Possible value of the metric."""


def drawn(row: Row, base: Resampled, seed: int) -> Drawn:
    rng = np.random.default_rng([seed, row.population, round(1000 * row.changed)])
    sizes = [size for share in LOOKED if (size := math.ceil(share * row.population)) >= FEWEST]
    images, truth, looks = base.images // 2, [], []
    resamples = FEWER_RESAMPLES if row.metric.startswith("mAP") else RESAMPLES
    for _ in range(row.replicates):
        kept = rng.random(row.population) >= row.changed
        dataset = rng.integers(0, images, row.population) + images * kept
        truth.append(float(_drop(base, _counts(base, dataset))[0]))
        looks.append([_look(base, dataset[:size], row.population, resamples, rng) for size in sizes])
    largest = 100.0 if row.metric == "mIoU" else 1.0
    drop, error, typical = np.moveaxis(np.array(looks), 2, 0)
    return Drawn(np.array(truth), np.array(sizes), drop, error, typical, largest)


def _drop(base: Resampled, counts: Counts) -> Floats:
    return base.fp32(counts) - base.int8(counts)


def _counts(base: Resampled, dataset: Counts) -> Counts:
    """How often each evaluated image is in a dataset, shape (1, images)."""
    return np.bincount(dataset, minlength=base.images)[np.newaxis]


def _look(
    base: Resampled, dataset: Counts, population: int, resamples: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """The drop on the first images and its spread, as `bootstrap_drop_interval` finds it, over the distinct images."""
    counts, images = _counts(base, dataset), dataset.size
    groups = np.arange(images) * min(images, GROUPS) // images
    held = np.bincount(groups * base.images + dataset, minlength=min(images, GROUPS) * base.images)
    left = _drop(base, counts - held.reshape(-1, base.images))
    influences = (left.mean() - left) * (left.size - 1)
    values = _drop(base, rng.multinomial(images, counts[0] / images, size=resamples))
    largest = 100.0 if abs(base.fp32(counts)[0]) > 1 else 1.0
    spread = Spread.of(values, influences, images=images, population=population, largest=largest)
    return float(_drop(base, counts)[0]), spread.error, spread.typical


def kept(row: Row, shared: Path, keep: Path, seed: int) -> Drawn:
    """As FOLDER has it, else drawn now."""
    file = keep / f"{row.name}-{row.replicates}-{seed}.npz"
    if not file.is_file():
        found = drawn(row, evidence(shared, keep, row.model, row.metric), seed)
        np.savez(file, **vars(found))
    with np.load(file) as stored:
        return Drawn(**{field.name: stored[field.name] for field in fields(Drawn)})


def _reach(found: Drawn, order: int, place: int, population: int, confidence: float, rule: Rule) -> float:
    size, error = int(found.sizes[place]), float(found.error[order, place])
    variance, typical = error**2 / population_correction(size, population), float(found.typical[order, place])
    spread = Spread(size, population, variance, typical, is_assumed=math.isclose(typical, found.largest / size))
    return spread.reach_at_look(confidence) if rule.outward else spread.reach(confidence)


@dataclass(frozen=True)
class Looked:
    """A plan's bounds on every order, shape (replicates, looks)."""

    low: Floats
    high: Floats
    sizes: Counts

    @classmethod
    def of(cls, found: Drawn, population: int, rule: Rule, least: int) -> Looked | None:
        """None where the rule has no look."""
        plan = LookPlan.of(population, population, rule.fractions, least)
        places = [int(np.flatnonzero(found.sizes == size)[0]) for size in plan.sizes[:-1] if size in found.sizes]
        if not places:
            return None
        reach = [
            [_reach(found, order, place, population, confidence, rule) for order in range(len(found.truth))]
            for place, confidence in zip(places, plan.confidences(CONFIDENCE), strict=False)
        ]
        drops, reaches = found.drop[:, places], np.array(reach).T
        return cls(drops - reaches, drops + reaches, found.sizes[places])

    def wrong(self, truth: Floats) -> tuple[float, float]:
        """Shares of orders that FAIL, and that PASS, with the limit at the truth."""
        limit = truth[:, np.newaxis]
        return float((self.low > limit).any(axis=1).mean()), float((self.high < limit).any(axis=1).mean())

    def share(self, limit: Floats, population: int) -> float:
        """Of the images, how many are evaluated on the average."""
        decided = (self.high <= limit[:, np.newaxis]) | (self.low > limit[:, np.newaxis])
        first = np.where(decided.any(axis=1), self.sizes[decided.argmax(axis=1)], population)
        return float(first.mean()) / population


def report(row: Row, found: Drawn, margins: Sequence[float], least: int) -> None:
    allowed = 1 - CONFIDENCE + 2 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / row.replicates)
    scale = 100.0 if row.metric == "mIoU" else 1.0
    print(f"\n{row.name}: {row.replicates} orders, mean drop {found.truth.mean():.4f}; allowed {100 * allowed:.1f} %")
    for name, rule in RULES.items():
        looked = Looked.of(found, row.population, rule, least)
        if looked is None:
            continue
        fail, passed = looked.wrong(found.truth)
        saved = "  ".join(
            f"{margin:+g}: {100 * (1 - looked.share(found.truth + scale * margin, row.population)):3.0f} %"
            for margin in margins
        )
        mark = "  TOO OFTEN" if max(fail, passed) > allowed else ""
        print(
            f"  {name:22s} wrong FAIL {100 * fail:4.1f} % PASS {100 * passed:4.1f} %  saved {saved}{mark}", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--replicates", type=int, default=2000, help="for hmean and mIoU; fewer for AP")
    parser.add_argument("--margins", type=float, nargs="+", default=[0.005, 0.01, 0.02, 0.05, -0.01, -0.02, -0.05])
    parser.add_argument("--least", type=int, default=100, help="images before the first look")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.keep.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    for row in rows(args.replicates):
        if args.only in row.name:
            report(row, kept(row, args.shared, args.keep, args.seed), args.margins, args.least)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
