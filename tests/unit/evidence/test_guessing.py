"""The chance test: broken models are told, sound ones are not accused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_quant.evidence.guessing import FALSE_ALARM, guesses, samples_to_tell, sound_share

CONFIDENCE = 0.95


CLASSES = (*range(2, 60), 100, 200, 365, 1000, 1001, 10_450, 21_841)


@pytest.mark.parametrize("answers", CLASSES)
def test_a_simulation_of_models_three_times_better_than_chance(answers: int) -> None:
    """100 samples, 20000 runs: less than 1 in 1000 is taken for guessing, whatever the number of classes.

    With 2 and 3 classes nothing is three times better than chance and wrong at times: half of the way from chance to 1.
    """
    share = min(3 / answers, (1 + 1 / answers) / 2)
    right, times = np.unique(np.random.default_rng(0).binomial(100, share, 20_000), return_counts=True)
    accused = [guesses(int(one), 100, answers, CONFIDENCE) == "guessing" for one in right]
    assert times[accused].sum() < 20


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_no_number_of_classes_is_special(confidence: float) -> None:
    """Exactly, over all numbers of right answers, for a model three times better than chance and up to 100 samples."""
    for answers in CLASSES:
        for samples in (10, 50, 100):
            verdicts = [guesses(right, samples, answers, confidence) for right in range(samples + 1)]
            accused = [right for right, verdict in enumerate(verdicts) if verdict == "guessing"]
            share = min(3 / answers, (1 + 1 / answers) / 2)
            assert stats.binom.pmf(accused, samples, share).sum() < 1e-3, (answers, samples)


@pytest.mark.parametrize("samples", [200, 300, 5000])
@pytest.mark.parametrize("answers", [2, 3, 4, 10, 15, 20, 50, 100, 1000, 21841])
def test_a_net_that_guesses_is_accused_with_samples_enough(answers: int, samples: int) -> None:
    """At least 9 times in 10, whatever the number of classes; 1 in 20 is told from guessing by luck."""
    assert samples_to_tell(answers) <= 101
    right, times = np.unique(np.random.default_rng(0).binomial(samples, 1 / answers, 20_000), return_counts=True)
    accused = [guesses(int(one), samples, answers, CONFIDENCE) == "guessing" for one in right]
    assert times[accused].sum() > 0.9 * 20_000


@pytest.mark.parametrize("answers", [2, 3, 10, 100, 1000, 21841])
@pytest.mark.parametrize("samples", [1, 8, 60, 100, 4000])
def test_a_sound_model_is_accused_less_than_once_in_a_thousand(answers: int, samples: int) -> None:
    """Exactly, over all numbers of right answers."""
    accused = [right for right in range(samples + 1) if guesses(right, samples, answers, CONFIDENCE) == "guessing"]
    assert stats.binom.pmf(accused, samples, sound_share(answers, samples)).sum() < FALSE_ALARM


@pytest.mark.parametrize(
    ("right", "samples", "answers"), [(928, 10_000, 10), (13, 60, 4), (0, 300, 1000), (1, 300, 1000)]
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


@pytest.mark.parametrize(("right", "samples", "answers"), [(0, 60, 1000), (0, 100, 1000), (1, 30, 100)])
def test_what_a_model_three_times_better_than_chance_often_scores_accuses_nobody(
    right: int, samples: int, answers: int
) -> None:
    assert guesses(right, samples, answers, CONFIDENCE) == "unclear"
