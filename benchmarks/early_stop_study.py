"""Measure how soon the sequential test decides, and how often it decides wrongly.

    python benchmarks/early_stop_study.py                  # both tables, about half an hour
    python benchmarks/early_stop_study.py --only speed

Each row feeds uniformly random orders of one dataset of N pairs to `pytest_quant.evidence.sequential.SequentialTest`.

Speed: the median number of images until the decision, beside the Wald bound: ``log(1 / error)`` over the expected
logarithm of the best bet that knows discordance and drop (the least Kullback-Leibler divergence from the hypothesis),
capped at N. One setting of the test serves all rows.

Errors: the drop is exactly at the tolerance ("beyond" is wrong) or one image above it ("within" is wrong); decided
anywhere before the whole dataset was seen. Nominal is 1 - confidence.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from pytest_quant.evidence.sequential import Outcomes, SequentialTest

Floats = NDArray[np.float64]

# Percent: discordance, drop.
SPEED = ((1, 0), (2, 0), (3, 0), (5, 0), (3, 0.4), (4.5, 4), (3, 2), (5, 2))
MORE_SPEED = ((0.0, 0), (0.2, 0), (0.5, 0), (8, 0), (8, 2), (10, 8), (1.5, 1.5))
ERROR_DISCORDANCES = (1.0, 1.5, 3.0, 5.0)


@dataclass(frozen=True)
class Plan:
    """What all rows share."""

    population: int
    tolerance: float
    confidence: float
    rng: np.random.Generator

    @property
    def within(self) -> int:
        """Largest sum of outcomes that is within the tolerance."""
        return math.floor(self.tolerance * self.population + 1e-9)


def dataset(population: int, discordant: int, total: int) -> Floats:
    """Outcomes with `discordant` nonzero ones that sum to `total`, or one more where the parity asks for it."""
    discordant += (discordant - total) % 2
    first = (discordant + total) // 2
    return np.repeat([1.0, -1.0, 0.0], [first, discordant - first, population - discordant])


def relative_dataset(plan: Plan, discordance: float, retain: float, above: bool) -> Floats:
    """Outcomes retain * fp32 - int8 that sum to just at, or just above, zero."""
    population = plan.population
    fp32 = round(0.77 * population)
    int8 = math.ceil(retain * fp32) if not above else math.ceil(retain * fp32) - 1
    only_int8 = max(0, (round(discordance * population) - (fp32 - int8)) // 2)
    only_fp32 = fp32 - int8 + only_int8
    both = fp32 - only_fp32
    rest = population - both - only_fp32 - only_int8
    return np.repeat([retain - 1.0, retain, -1.0, 0.0], [both, only_fp32, only_int8, rest])


def wald_bound(plan: Plan, discordance: float, drop: float) -> float:
    first, second = (discordance + drop) / 2, (discordance - drop) / 2
    sign, limit = (1.0 if drop > plan.tolerance else -1.0), plan.tolerance

    def growth(bet: float) -> float:
        return float(
            first * np.log1p(bet * sign * (1 - limit))
            + second * np.log1p(bet * sign * (-1 - limit))
            + (1 - first - second) * np.log1p(-bet * sign * limit)
        )

    largest = 1.0 / (1.0 + sign * limit)
    best = optimize.minimize_scalar(lambda bet: -growth(bet), bounds=(1e-6, largest - 1e-6), method="bounded")
    return min(math.log(1.0 / (1.0 - plan.confidence)) / -float(best.fun), plan.population)


def orders(plan: Plan, values: Floats, count: int) -> Iterator[Floats]:
    for _ in range(count):
        yield plan.rng.permutation(values)


def run(plan: Plan, outcomes: Outcomes, limit: float, order: Floats) -> tuple[str, int]:
    """Decision before the last sample, if any, and the number of samples it took."""
    test = SequentialTest(outcomes, limit=limit, confidence=plan.confidence)
    for start in range(0, plan.population - 1, 512):
        if test.update(order[start : min(start + 512, plan.population - 1)]) != "undecided":
            break
    return test.decision, test.decided_at or plan.population


def speed(plan: Plan, repetitions: int) -> None:
    print(f"Speed: N = {plan.population}, tolerance {100 * plan.tolerance:.2f} points, {repetitions} orders")
    print("disc%  drop% |  Wald  median  ratio |  10 %   90 %  undecided%  wrong%")
    outcomes, worst = Outcomes.of_drop(plan.population), 0.0
    for discordance, drop in (*SPEED, *MORE_SPEED):
        values = dataset(plan.population, *(round(part / 100 * plan.population) for part in (discordance, drop)))
        decided = [run(plan, outcomes, plan.tolerance, order) for order in orders(plan, values, repetitions)]
        taken = np.array([images for _, images in decided])
        right = "beyond" if drop / 100 > plan.tolerance else "within"
        undecided = np.mean([decision == "undecided" for decision, _ in decided])
        wrong = np.mean([decision not in ("undecided", right) for decision, _ in decided])
        bound = wald_bound(plan, discordance / 100, drop / 100)
        ratio = float(np.median(taken)) / bound
        if (discordance, drop) in SPEED:
            worst = max(worst, ratio)
        low, high = np.quantile(taken, [0.1, 0.9])
        print(
            f"{discordance:5.2f} {drop:6.2f} | {bound:5.0f}  {np.median(taken):6.0f}  {ratio:5.2f} |"
            f" {low:5.0f} {high:6.0f}  {100 * undecided:9.2f} {100 * wrong:7.2f}",
            flush=True,
        )
    print(f"Largest ratio of the first {len(SPEED)} rows: {worst:.2f} (wanted: at most 1.25)\n")


def errors(plan: Plan, repetitions: int) -> None:
    nominal = 1.0 - plan.confidence
    allowed = nominal + 2.0 * math.sqrt(nominal * plan.confidence / repetitions)
    print(
        f"Errors: N = {plan.population}, {repetitions} orders; nominal {100 * nominal:.2f} %, with two standard errors"
    )
    print(f"{100 * allowed:.2f} %. 'relative' has the limit 1 % of the fp32 score.")
    print("test      disc%  drop          |  wrong%  undecided%")
    for name, discordance, above, values, outcomes, limit in _error_rows(plan):
        wrong_side = "within" if above else "beyond"
        decisions = [run(plan, outcomes, limit, order)[0] for order in orders(plan, values, repetitions)]
        wrong = np.mean([decision == wrong_side for decision in decisions])
        undecided = np.mean([decision == "undecided" for decision in decisions])
        where = "one image above" if above else "at the limit"
        print(
            f"{name:9s} {discordance:5.2f}  {where:15s}|  {100 * wrong:6.2f}  {100 * undecided:9.2f}"
            f"{'  TOO OFTEN' if wrong > allowed else ''}",
            flush=True,
        )


def _error_rows(plan: Plan) -> Iterator[tuple[str, float, bool, Floats, Outcomes, float]]:
    for discordance in ERROR_DISCORDANCES:
        for above in (False, True):
            values = dataset(plan.population, round(discordance / 100 * plan.population), plan.within + above)
            yield "drop", discordance, above, values, Outcomes.of_drop(plan.population), plan.tolerance
    for above in (False, True):
        values = relative_dataset(plan, 0.03, 0.99, above)
        yield "relative", 3.0, above, values, Outcomes.of_drop(plan.population, retain=0.99), 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--population", type=int, default=50000)
    parser.add_argument("--tolerance", type=float, default=0.01, help="a fraction")
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=["speed", "errors"])
    args = parser.parse_args()
    started = time.perf_counter()
    plan = Plan(args.population, args.tolerance, args.confidence, np.random.default_rng(args.seed))
    if args.only != "errors":
        speed(plan, args.repetitions)
    if args.only != "speed":
        errors(plan, args.repetitions)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
