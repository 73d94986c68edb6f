"""Compare intervals for a paired accuracy drop: whether they hold their level on a finite dataset, and their width.

    python benchmarks/interval_study.py                    # the whole table, about half an hour on a busy core
    python benchmarks/interval_study.py --n 1000 --population 10000

Each cell draws `--repetitions` samples of n pairs without replacement from a dataset of N pairs with the given
discordance and drop, and counts how often the true drop lies below the lower bound and above the upper bound.
Nominal is 1 - confidence for each. Widths are means, relative to Tango's interval with finite-population correction.

Candidates, all with finite-population correction of the variance where they have one:
Wald; Bonett and Price (2012), which is Agresti and Min's (2005) with one pair added to each discordant cell;
Tango (1998); Newcombe (1998), method 10; exact-conditional: Clopper and Pearson for the split of the discordant
pairs, their number taken as known; Bonferroni: exact bounds of both discordant counts, joined; exact: what
`pytest_quant.evidence.paired_drop_interval` gives.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pytest_quant.evidence.paired import PairedCounts, paired_counts_interval
from pytest_quant.evidence.proportion import lower_count, upper_count
from pytest_quant.evidence.score import population_correction, tango_bounds

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Bounds = tuple[Floats, Floats]

SHARE_BOTH_RIGHT = 0.72
DISCORDANCES = (0.005, 0.01, 0.03, 0.05)
DROP_PARTS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Setting:
    """How pairs are drawn."""

    n: int
    population: int
    confidence: float

    @property
    def error(self) -> float:
        """Nominal error of each bound."""
        return 1.0 - self.confidence

    @property
    def correction(self) -> float:
        """Finite-population correction of a variance."""
        return population_correction(self.n, self.population)

    @property
    def reach(self) -> float:
        """Normal quantile, shrunk by the finite-population correction."""
        return float(stats.norm.ppf(self.confidence) * np.sqrt(self.correction))


def wald(drawn: Counts, setting: Setting) -> Bounds:
    b, c, n = drawn[:, 1], drawn[:, 2], setting.n
    middle = (b - c) / n
    half = setting.reach * np.sqrt(np.maximum(b + c - (b - c) ** 2 / n, 0.0)) / n
    return middle - half, middle + half


def bonett_price(drawn: Counts, setting: Setting) -> Bounds:
    n = setting.n + 2
    p, q = (drawn[:, 1] + 1) / n, (drawn[:, 2] + 1) / n
    half = setting.reach * np.sqrt((p + q - (p - q) ** 2) / n)
    return p - q - half, p - q + half


def newcombe(drawn: Counts, setting: Setting) -> Bounds:
    a, b, c, d = drawn.T.astype(np.float64)
    n, z = setting.n, setting.reach
    first, second = (a + b) / n, (a + c) / n

    def wilson(p: Floats) -> Bounds:
        middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)

    (low1, high1), (low2, high2) = wilson(first), wilson(second)
    cross = a * d - b * c
    cross = np.where(cross > n / 2, cross - n / 2, np.minimum(cross, 0.0))
    phi = cross / np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    down = (first - low1) ** 2 - 2 * phi * (first - low1) * (high2 - second) + (high2 - second) ** 2
    up = (high1 - first) ** 2 - 2 * phi * (high1 - first) * (second - low2) + (second - low2) ** 2
    return first - second - np.sqrt(down), first - second + np.sqrt(up)


def per_counts(bounds: Callable[[int, int, Setting], tuple[float, float]]) -> Callable[[Counts, Setting], Bounds]:
    """Let a function of the two discordant counts work on all draws; each pair of counts is computed once."""
    known: dict[tuple[int, int, Setting], tuple[float, float]] = {}

    def of_draws(drawn: Counts, setting: Setting) -> Bounds:
        pairs, where = np.unique(drawn[:, 1:3], axis=0, return_inverse=True)
        for b, c in pairs.tolist():
            if (b, c, setting) not in known:
                known[b, c, setting] = bounds(b, c, setting)
        table = np.array([known[b, c, setting] for b, c in pairs.tolist()])[where.reshape(-1)]
        return table[:, 0], table[:, 1]

    return of_draws


@per_counts
def tango(b: int, c: int, setting: Setting) -> tuple[float, float]:
    return tango_bounds(b, c, setting.n, setting.error, setting.correction)


@per_counts
def conditional(b: int, c: int, setting: Setting) -> tuple[float, float]:
    if b + c == 0:
        return 0.0, 0.0
    low, high = (bound(b, b + c, None, setting.error) for bound in (lower_count, upper_count))
    return (2 * low - 1) * (b + c) / setting.n, (2 * high - 1) * (b + c) / setting.n


@per_counts
def bonferroni(b: int, c: int, setting: Setting) -> tuple[float, float]:
    n, population, error = setting.n, setting.population, setting.error / 2
    low = lower_count(b, n, population, error) - upper_count(c, n, population, error)
    return low, upper_count(b, n, population, error) - lower_count(c, n, population, error)


@per_counts
def exact(b: int, c: int, setting: Setting) -> tuple[float, float]:
    counts = PairedCounts(0, b, c, setting.n - b - c)
    interval = paired_counts_interval(counts, population=setting.population, confidence=setting.confidence)
    return interval.low, interval.high


METHODS: dict[str, Callable[[Counts, Setting], Bounds]] = {
    "Wald": wald,
    "Bonett-Price": bonett_price,
    "Newcombe": newcombe,
    "conditional": conditional,
    "Bonferroni": bonferroni,
    "Tango": tango,
    "exact": exact,
}


@dataclass(frozen=True)
class Cell:
    """What one method did on one dataset."""

    drop_above: float
    drop_below: float
    width: float

    @property
    def worst(self) -> float:
        """The larger of the two errors."""
        return max(self.drop_above, self.drop_below)


def datasets(population: int) -> Iterator[tuple[float, float, tuple[int, int, int, int]]]:
    """Discordance, drop and the four counts: both right, only the first, only the second, neither."""
    for discordance in DISCORDANCES:
        discordant = round(discordance * population)
        for part in DROP_PARTS:
            first = round(discordant * (1 + part) / 2)
            second = discordant - first
            both = round(SHARE_BOTH_RIGHT * population)
            rest = population - both - discordant
            yield discordance, (first - second) / population, (both, first, second, rest)


def simulate(
    setting: Setting, counts: tuple[int, int, int, int], repetitions: int, rng: np.random.Generator
) -> dict[str, Cell]:
    drawn = rng.multivariate_hypergeometric(counts, setting.n, size=repetitions, method="marginals")
    drop = (counts[1] - counts[2]) / setting.population
    cells = {}
    for name, method in METHODS.items():
        low, high = method(drawn, setting)
        cells[name] = Cell(
            float(np.mean(drop > high + 1e-12)), float(np.mean(drop < low - 1e-12)), float(np.mean(high - low))
        )
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[200, 1000, 4000])
    parser.add_argument("--population", type=int, nargs="+", default=[10000, 50000])
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--repetitions", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng, started = np.random.default_rng(args.seed), time.perf_counter()
    nominal = 1.0 - args.confidence
    allowed = nominal + 2.0 * np.sqrt(nominal * args.confidence / args.repetitions)
    print(f"{args.repetitions} repetitions, seed {args.seed}; nominal error of each bound {100 * nominal:.2f} %, ")
    print(f"plus two Monte-Carlo standard errors {100 * allowed:.2f} %. Errors: drop > high / drop < low, in %.\n")
    print("    n      N  disc%  drop% |   Tango errors   width% |   exact errors   width/Tango")
    cells: dict[str, list[Cell]] = {name: [] for name in METHODS}
    for n in args.n:
        for population in args.population:
            setting = Setting(n, population, args.confidence)
            for discordance, drop, counts in datasets(population):
                result = simulate(setting, counts, args.repetitions, rng)
                for name, cell in result.items():
                    cells[name].append(cell)
                print(_row(setting, discordance, drop, result["Tango"], result["exact"]), flush=True)
    _summary(cells, float(allowed))
    print(f"\n{time.perf_counter() - started:.0f} s")


def _row(setting: Setting, discordance: float, drop: float, tango_cell: Cell, exact_cell: Cell) -> str:
    return (
        f"{setting.n:5d} {setting.population:6d}  {100 * discordance:5.2f} {100 * drop:6.3f} |"
        f"  {100 * tango_cell.drop_above:5.2f}  {100 * tango_cell.drop_below:5.2f}   {100 * tango_cell.width:6.3f} |"
        f"  {100 * exact_cell.drop_above:5.2f}  {100 * exact_cell.drop_below:5.2f}"
        f"   {exact_cell.width / tango_cell.width:6.3f}"
    )


def _summary(cells: dict[str, list[Cell]], allowed: float) -> None:
    print("\nmethod         worst error%  cells above allowed   width/Tango: mean     max")
    for name, row in cells.items():
        ratios = [cell.width / reference.width for cell, reference in zip(row, cells["Tango"], strict=True)]
        too_often = sum(cell.worst > allowed for cell in row)
        print(
            f"{name:13s}  {100 * max(cell.worst for cell in row):11.2f}  {too_often:8d} of {len(row):3d}"
            f"  {np.mean(ratios):20.3f} {max(ratios):7.3f}"
        )


if __name__ == "__main__":
    main()
