"""Whether a share of right answers can be told from guessing, and whether there were samples enough to tell."""

from __future__ import annotations

from typing import Literal

SOUND_TIMES = 3.0
"""A sound model is right at least so many times as often as guessing ..."""
SOUND_SHARE = 0.20
"""... and, where more than `FEW` samples are at hand, on this share of them: three times next to nothing is nothing."""
FEW = 100
FALSE_ALARM = 0.0005
"""Largest probability that a sound model is taken for one that guesses, whatever the number of classes."""

Guess = Literal["told", "unclear", "guessing"]


def guesses(right: int, samples: int, answers: int, confidence: float) -> Guess:
    """Hold ``right`` of ``samples`` against guessing among ``answers``, of which one is right.

    ``told``: the exact binomial test tells it from guessing at the one-sided ``confidence``. Else ``guessing``, if a
    sound model would have so few right with a probability below `FALSE_ALARM`; else the samples are too few to say,
    and it is ``unclear``: with many classes one that is three times better than chance is right on none of a hundred
    samples, too.

    >>> guesses(9, 100, 10, 0.95), guesses(30, 100, 10, 0.95), guesses(3, 20, 10, 0.95), guesses(0, 100, 1000, 0.95)
    ('guessing', 'told', 'unclear', 'unclear')
    """
    from scipy.special import bdtrc

    chance = 1 / answers
    at_least = 1.0 if right == 0 else float(bdtrc(right - 1, samples, chance))
    if at_least <= 1 - confidence:
        return "told"
    return "guessing" if _is_accused(right, samples, answers) else "unclear"


def sound_share(answers: int, samples: int) -> float:
    """The share of right answers that a sound model has at least; with few classes half of the way from chance to 1.

    >>> sound_share(10, 100), sound_share(1000, 100), sound_share(1000, 300), sound_share(2, 100)
    (0.30000000000000004, 0.003, 0.2, 0.75)
    """
    chance = 1 / answers
    least = SOUND_TIMES * chance if samples <= FEW else max(SOUND_TIMES * chance, SOUND_SHARE)
    return min(least, (1 + chance) / 2)


def samples_to_tell(answers: int) -> int:
    """About so many samples tell a model that guesses, and is right as often as it is expected to be, from a sound one.

    >>> samples_to_tell(10), samples_to_tell(1000)
    (47, 101)
    """
    return next(samples for samples in range(1, FEW + 2) if _is_accused(samples // answers, samples, answers))


def _is_accused(right: int, samples: int, answers: int) -> bool:
    from scipy.special import bdtr

    return float(bdtr(right, samples, sound_share(answers, samples))) < FALSE_ALARM
