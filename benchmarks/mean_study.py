"""Measure how often intervals and early stops err for a metric that is the mean of one score per sample.

    python benchmarks/mean_study.py                    # all tables, about a minute
    python benchmarks/mean_study.py --repetitions 1000

Each row makes one dataset of N pairs of scores in [0, 1], draws n of them without replacement `--repetitions` times and
asks for the bounds of the drop on all N, each at one-sided confidence 0.95: by betting (`mean_interval`, what a metric
with a maximum gets) and by the paired bootstrap (`bootstrap_mean_interval`, what one without gets). A bound may miss in
5 % of the draws. The second table lets the sequential test look at every sample until it decides, with the limit just
at the drop on either side, where it errs most: at most 5 % of its decisions may be wrong.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.means import bootstrap_mean_interval, contrast, contrast_outcomes, mean_interval
from pytest_quant.evidence.sequential import SequentialTest

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
POPULATION = 5000
SIZES = (100, 400, 1600)
_LOOK = 100


@dataclass(frozen=True)
class Dataset:
    """Scores of both nets on all samples."""

    name: str
    fp32: Floats
    int8: Floats

    @property
    def drops(self) -> Floats:
        """How much worse int8 is on each sample."""
        return contrast(self.fp32, self.int8)


def datasets(rng: np.random.Generator) -> Iterator[Dataset]:
    good = rng.beta(9, 1.5, POPULATION)
    yield Dataset("small shifts", good, np.clip(good - rng.normal(0.005, 0.02, POPULATION), 0, 1))
    yield Dataset("large noise", good, np.clip(good - rng.normal(0.01, 0.2, POPULATION), 0, 1))
    lost = rng.random(POPULATION) < 0.02
    yield Dataset("2 % lost whole", good, np.where(lost, 0.0, good))
    rare = rng.random(POPULATION) < 0.003
    yield Dataset("0.3 % lost whole", np.ones(POPULATION), np.where(rare, 0.0, 1.0))


def misses(
    dataset: Dataset, n: int, repetitions: int, interval: Callable[[Floats], Interval], rng: np.random.Generator
) -> tuple[float, float, float]:
    """Shares of draws whose lower and whose upper bound misses the drop of the dataset, and the mean width."""
    drops = dataset.drops
    truth, low, high, width = float(drops.mean()), 0, 0, 0.0
    for _ in range(repetitions):
        found = interval(drops[rng.choice(POPULATION, n, replace=False)])
        low += found.low > truth + 1e-12
        high += found.high < truth - 1e-12
        width += found.width
    return low / repetitions, high / repetitions, width / repetitions


def coverage_table(repetitions: int) -> None:
    print(f"{'dataset':18}{'n':>6}   betting: low  high  width   bootstrap: low  high  width   (missed, in %)")
    for dataset in datasets(np.random.default_rng(1)):
        for n in SIZES:
            rng = np.random.default_rng(n)
            one = misses(dataset, n, repetitions, _betting, rng)
            other = misses(dataset, n, repetitions, _bootstrap, rng)
            print(
                f"{dataset.name:18}{n:6d}{100 * one[0]:15.1f}{100 * one[1]:6.1f}{one[2]:8.4f}"
                f"{100 * other[0]:16.1f}{100 * other[1]:6.1f}{other[2]:8.4f}"
            )


def _betting(drops: Floats) -> Interval:
    return mean_interval(drops, (-1.0, 1.0), population=POPULATION, confidence=CONFIDENCE)


def _bootstrap(drops: Floats) -> Interval:
    return bootstrap_mean_interval(drops, scale=1.0, population=POPULATION, confidence=CONFIDENCE)


def early_stop_table(repetitions: int) -> None:
    print(f"\n{'dataset':18}{'limit - drop':>14}{'wrong, in %':>14}{'samples, median':>18}   of {POPULATION}")
    for dataset in datasets(np.random.default_rng(1)):
        drops = dataset.drops
        for distance in (-1e-6, 1e-6, 0.01, 0.03):
            limit, rng = float(drops.mean()) + distance, np.random.default_rng(7)
            wrong, used = 0, []
            for _ in range(repetitions):
                decision, needed = decided(drops[rng.permutation(POPULATION)], limit)
                wrong += decision != ("within" if distance > 0 else "beyond")
                used.append(needed)
            print(f"{dataset.name:18}{distance:14.6f}{100 * wrong / repetitions:14.1f}{np.median(used):18.0f}")


def decided(drops: Floats, limit: float) -> tuple[str, int]:
    """The first decision of the test, which looks after blocks of samples, and the samples that it took."""
    test = SequentialTest(contrast_outcomes(POPULATION, 1.0), limit=limit, confidence=CONFIDENCE)
    for start in range(0, POPULATION, _LOOK):
        decision = test.update(drops[start : start + _LOOK])
        if decision != "undecided":
            return decision, test.decided_at or POPULATION
    raise AssertionError("the whole dataset decides")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=200)
    args = parser.parse_args()
    start = time.perf_counter()
    coverage_table(args.repetitions)
    early_stop_table(args.repetitions)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
