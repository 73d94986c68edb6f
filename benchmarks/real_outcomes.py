"""Sampled verdicts and early stop on real outcomes: how they fare over random orders of one measured model.

For every order the truth is known, since the whole dataset was measured. Prints how often a subset's bounds hold, how
many images an early stop takes, and how often either decides wrongly, at several tolerances around the true drop.

    python -m benchmarks.real_outcomes ZOO MODEL [--orders N]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.throughput import read_model
from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.cores import available_cores
from pytest_quant.evidence.paired import paired_drop_interval
from pytest_quant.evidence.sequential import Outcomes, drop_outcomes, sequential_decision
from pytest_quant.judging.evidence import right_wrong

SUBSETS = (200, 1000, 4000)
MARGINS_PCT = (0.25, 0.5, 1.0, 2.0)
CONFIDENCE = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("zoo", type=Path)
    parser.add_argument("model")
    parser.add_argument("--orders", type=int, default=500)
    arguments = parser.parse_args()
    model = read_model(arguments.zoo, arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        measurement = open_workbench(Path(folder), cores=available_cores()).measure(model)
    evidence = right_wrong(measurement.comparison.metrics["top1"])
    fp32, int8 = evidence.fp32, evidence.int8
    total, drop = fp32.size, float(fp32.mean() - int8.mean())
    discordance = (fp32 != int8).mean()
    print(f"{model.name}: {total} images, drop {100 * drop:.2f} points, discordance {100 * discordance:.2f} %")
    rng = np.random.default_rng(0)
    orders = [rng.permutation(total) for _ in range(arguments.orders)]
    allowed = 100 * (1 - CONFIDENCE)
    print(f"\nsubset bounds, {arguments.orders} orders: share on the wrong side (allowed {allowed:.0f} %)")
    for size in SUBSETS:
        bounds = [
            paired_drop_interval(fp32[order[:size]], int8[order[:size]], population=total, confidence=CONFIDENCE)
            for order in orders
        ]
        above = np.mean([interval.high < drop - 1e-12 for interval in bounds])
        below = np.mean([interval.low > drop + 1e-12 for interval in bounds])
        width = np.mean([interval.width for interval in bounds])
        sides = f"upper {100 * above:4.1f} %, lower {100 * below:4.1f} %"
        print(f"  n = {size:5d}: {sides}, width {100 * width:.2f} points")
    print(f"\nearly stop, {arguments.orders} orders")
    for margin_pct in (*(-margin for margin in MARGINS_PCT[::-1]), 0.0, *MARGINS_PCT):
        limit = drop + margin_pct / 100
        values = drop_outcomes(fp32, int8)
        found = [
            sequential_decision(values[order], Outcomes.of_drop(total), limit=limit, confidence=CONFIDENCE)
            for order in orders
        ]
        early = [(decision, count) for decision, count in found if count is not None and count < total]
        truth = "within" if margin_pct >= 0 else "beyond"
        wrong = sum(decision != truth for decision, _ in early) / len(found)
        median = np.median([total if count is None else count for _, count in found])
        print(f"  tolerance {100 * limit:5.2f} ({truth}): median {median:7.0f} images, wrong {100 * wrong:4.1f} %")


if __name__ == "__main__":
    main()
