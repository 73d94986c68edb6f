"""Measure whom the chance test of `sanity` accuses, for every number of classes.

    python benchmarks/guessing_study.py

Each row draws 200000 runs of a classifier on n samples: of a sound one, right 3 times as often as chance (with few
classes half of the way from chance to all; with more than 100 samples on 20 % of them at least), and of one that
guesses. `accused` is an error, `doubtful` the warning that the samples are too few; the rest is told from guessing. A
sound one may be accused in less than 1 in 1000 runs.
"""

from __future__ import annotations

import numpy as np

from pytest_quant.evidence.guessing import guesses, samples_to_tell, sound_share

RUNS = 200_000
CONFIDENCE = 0.95
CLASSES = (2, 4, 10, 15, 20, 50, 100, 1000, 21_841)
SIZES = (60, 100, 101, 300, 1000)


def shares(share: float, samples: int, answers: int, rng: np.random.Generator) -> dict[str, float]:
    """Verdict to the share of runs, for a model that is right on that share of samples."""
    right, times = np.unique(rng.binomial(samples, share, RUNS), return_counts=True)
    found = {"told": 0.0, "unclear": 0.0, "guessing": 0.0}
    for one, count in zip(right.tolist(), times.tolist(), strict=True):
        found[guesses(one, samples, answers, CONFIDENCE)] += count / RUNS
    return found


def main() -> None:
    rng = np.random.default_rng(0)
    print("| classes | samples | sound: accused | doubtful | guessing: accused | doubtful | samples that tell |")
    print("|---|---|---|---|---|---|---|")
    for answers in CLASSES:
        for samples in SIZES:
            sound = shares(sound_share(answers, samples), samples, answers, rng)
            guess = shares(1 / answers, samples, answers, rng)
            print(
                f"| {answers} | {samples} | {sound['guessing']:.5f} | {sound['unclear']:.3f} "
                f"| {guess['guessing']:.3f} | {guess['unclear']:.3f} | {samples_to_tell(answers)} |"
            )


if __name__ == "__main__":
    main()
