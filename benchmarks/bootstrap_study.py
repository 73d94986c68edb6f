"""Measure the coverage of the bootstrap intervals of hmean and AP on finite datasets.

    python benchmarks/bootstrap_study.py                   # both tables, about ten minutes
    python benchmarks/bootstrap_study.py --metric hmean

Each row makes one dataset of N images, draws n of them without replacement `--repetitions` times, and asks
`pytest_quant.evidence.bootstrap` for the 95 % interval (one-sided confidence 0.975) of the drop and the fp32 score on
all N. `lose` is the chance that int8 misses what fp32 found and `gain` the reverse (hmean), `noise` the spread of
int8's localisation against fp32's (AP). AP is the area under the precision envelope, mean over three thresholds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evidence.bootstrap import Recompute, bootstrap_drop_interval, bootstrap_score_interval
from pytest_quant.evidence.interval import Interval

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

CONFIDENCE = 0.975
THRESHOLDS = (0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Detector:
    """One model's detections, best first: the image and the overlap with the truth it matches, 0 for none."""

    image: Counts
    overlap: Floats

    def among(self, chosen: Counts, total: int) -> Detector:
        """Detections in the chosen images, which are renumbered."""
        number = np.full(total, -1)
        number[chosen] = np.arange(chosen.size)
        kept = number[self.image] >= 0
        return Detector(number[self.image][kept], self.overlap[kept])


def average_precision(truths: Counts, detector: Detector) -> Recompute:
    def recompute(counts: Counts) -> Floats:
        weights = counts[:, detector.image].astype(np.float32)
        seen, wanted = np.maximum(np.cumsum(weights, axis=1), 1e-9), counts @ truths
        total = np.zeros(len(counts))
        for threshold in THRESHOLDS:
            right = weights * (detector.overlap >= threshold)
            precision = np.cumsum(right, axis=1) / seen
            envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            total += (envelope * right).sum(axis=1) / wanted
        return total / len(THRESHOLDS)

    return recompute


def hmean(truths: Counts, found: Counts, hits: Counts) -> Recompute:
    return lambda counts: 2.0 * (counts @ hits) / (counts @ (truths + found))


Part = Callable[[Counts], tuple[Recompute, Recompute]]
"""Makes the metric of both models on chosen images."""


def text_images(population: int, lose: float, gain: float, rng: np.random.Generator) -> Part:
    truths = 1 + rng.poisson(4, population) * (rng.random(population) < 0.9)
    hits = rng.binomial(truths, rng.beta(3, 1, population))
    false_alarms = rng.poisson(0.7, population)
    other = hits - rng.binomial(hits, lose) + rng.binomial(truths - hits, gain)
    others = false_alarms - rng.binomial(false_alarms, lose) + rng.poisson(gain, population)

    def part(chosen: Counts) -> tuple[Recompute, Recompute]:
        t, a, b, f, g = (column[chosen] for column in (truths, hits, other, false_alarms, others))
        return hmean(t, a + f, a), hmean(t, b + g, b)

    return part


def person_images(population: int, noise: float, shift: float, rng: np.random.Generator) -> Part:
    truths = 1 + rng.poisson(1.7, population) * (rng.random(population) < 0.7)
    image = np.repeat(np.arange(population), truths)
    quality = rng.normal(1.6, 0.9, image.size) + np.repeat(rng.normal(0, 0.5, population), truths)
    overlap = (rng.random(image.size) < 0.93) / (1 + np.exp(-quality))
    alarms = np.repeat(np.arange(population), rng.poisson(0.8, population))
    images = np.concatenate([image, alarms])
    overlaps = np.concatenate([overlap, np.zeros(alarms.size)])
    scores = np.concatenate([0.6 * quality + rng.normal(0, 0.8, image.size), rng.normal(-0.6, 1.0, alarms.size)])

    def ranked(scores: Floats, overlaps: Floats) -> Detector:
        order = np.argsort(-scores, kind="stable")
        return Detector(images[order], overlaps[order])

    moved = np.clip(overlaps + (overlaps > 0) * rng.normal(-shift, noise, images.size), 0, 1)
    detectors = ranked(scores, overlaps), ranked(scores + rng.normal(0, noise, images.size), moved)

    def part(chosen: Counts) -> tuple[Recompute, Recompute]:
        fp32, int8 = (average_precision(truths[chosen], one.among(chosen, population)) for one in detectors)
        return fp32, int8

    return part


def measured(recompute: Recompute, images: int) -> float:
    return float(recompute(np.ones((1, images), dtype=np.int64))[0])


def study(label: str, part: Part, population: int, n: int, repetitions: int, rng: np.random.Generator) -> None:
    fp32, int8 = part(np.arange(population))
    score = measured(fp32, population)
    drop = score - measured(int8, population)
    drops, scores = [], []
    for repetition in range(repetitions):
        fp32, int8 = part(rng.permutation(population)[:n])
        drops.append(
            bootstrap_drop_interval(fp32, int8, images=n, population=population, confidence=CONFIDENCE, seed=repetition)
        )
        scores.append(
            bootstrap_score_interval(fp32, images=n, population=population, confidence=CONFIDENCE, seed=repetition)
        )
    print(f"{label:28s} {n:5d} {population:5d} | {_row(drop, drops)} | {_row(score, scores)}", flush=True)


def _row(truth: float, intervals: list[Interval]) -> str:
    above = np.mean([truth > interval.high for interval in intervals])
    below = np.mean([truth < interval.low for interval in intervals])
    width = np.mean([interval.width for interval in intervals])
    return f"{truth:7.4f} {1 - above - below:8.3f} {100 * above:6.1f} {100 * below:5.1f} {width:7.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metric", choices=["hmean", "AP"])
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng, started = np.random.default_rng(args.seed), time.perf_counter()
    error = 1.96 * np.sqrt(0.05 * 0.95 / args.repetitions)
    print(
        f"{args.repetitions} repetitions; a coverage of 0.950 shows as 0.950 +- {error:.3f}. Errors: above / below, %\n"
    )
    heads = f"{'':7s} {'coverage':>8s} {'above':>6s} {'below':>5s} {'width':>7s}"
    print(f"{'':28s} {'n':>5s} {'N':>5s} | drop   {heads[7:]} | fp32   {heads[7:]}")
    if args.metric != "AP":
        for population, lose, gain in ((1000, 0.03, 0.03), (1000, 0.01, 0.01), (1000, 0.02, 0.0), (500, 0.1, 0.05)):
            part = text_images(population, lose, gain, rng)
            for n in (50, 100, 250):
                study(f"hmean lose {lose:g} gain {gain:g}", part, population, n, args.repetitions, rng)
    if args.metric != "hmean":
        for noise, shift in ((0.005, 0.0), (0.03, 0.01), (0.1, 0.02)):
            part = person_images(2000, noise, shift, rng)
            for n in (100, 400):
                study(f"AP noise {noise:g} shift {shift:g}", part, 2000, n, args.repetitions, rng)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
