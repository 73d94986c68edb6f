"""The chance test: broken models are told, sound ones are not accused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_quant.evidence.guessing import FALSE_ALARM, guesses, sound_share

CONFIDENCE = 0.95


@pytest.mark.parametrize("answers", [2, 4, 10, 15])
def test_a_simulation_of_models_three_times_better_than_chance(answers: int) -> None:
    """100 samples, 20000 runs: less than 1 in 1000 is taken for guessing."""
    share = min(3 / answers, (1 + 1 / answers) / 2)
    right = np.random.default_rng(0).binomial(100, share, 20_000)
    verdicts = [guesses(int(one), 100, answers, CONFIDENCE) for one in right]
    assert verdicts.count("guessing") < 20


@pytest.mark.parametrize("answers", [2, 3, 10, 100, 1000, 21841])
@pytest.mark.parametrize("samples", [1, 8, 60, 100, 4000])
def test_a_sound_model_is_accused_less_than_once_in_a_thousand(answers: int, samples: int) -> None:
    """Exactly, over all numbers of right answers."""
    accused = [right for right in range(samples + 1) if guesses(right, samples, answers, CONFIDENCE) == "guessing"]
    assert stats.binom.pmf(accused, samples, sound_share(answers)).sum() < FALSE_ALARM


@pytest.mark.parametrize(
    ("right", "samples", "answers"), [(928, 10_000, 10), (13, 60, 4), (0, 60, 1000), (1, 60, 1000)]
)
def test_what_was_once_a_pass_is_guessing(right: int, samples: int, answers: int) -> None:
    assert guesses(right, samples, answers, CONFIDENCE) == "guessing"


@pytest.mark.parametrize("answers", [10, 1000])
def test_the_test_is_the_exact_binomial_one(answers: int) -> None:
    for right in range(60):
        p_value = stats.binomtest(right, 60, 1 / answers, alternative="greater").pvalue
        assert (guesses(right, 60, answers, CONFIDENCE) == "told") is bool(p_value <= 1 - CONFIDENCE)


def test_a_handful_of_samples_accuses_nobody() -> None:
    assert guesses(0, 3, 10, CONFIDENCE) == "unclear"
