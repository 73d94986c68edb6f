"""Whether a share of right answers can be told from guessing, and whether there were samples enough to tell."""

from __future__ import annotations

from typing import Literal

from scipy.special import bdtr, bdtrc

SOUND_TIMES = 3.0
"""A sound model is right at least so many times as often as guessing ..."""
SOUND_SHARE = 0.20
"""... and at least on this share of the samples, with many classes."""
FALSE_ALARM = 0.0005
"""Largest probability that a sound model is taken for one that guesses."""

Guess = Literal["told", "unclear", "guessing"]


def guesses(right: int, samples: int, answers: int, confidence: float) -> Guess:
    """Hold ``right`` of ``samples`` against guessing among ``answers``, of which one is right.

    ``told``: the exact binomial test tells it from guessing at the one-sided ``confidence``. Else ``guessing``, if a
    sound model would have so few right with a probability below `FALSE_ALARM`; else the samples are too few to say,
    and it is ``unclear``.

    >>> guesses(9, 100, 10, 0.95), guesses(30, 100, 10, 0.95), guesses(3, 20, 10, 0.95)
    ('guessing', 'told', 'unclear')
    """
    chance = 1 / answers
    at_least = 1.0 if right == 0 else float(bdtrc(right - 1, samples, chance))
    if at_least <= 1 - confidence:
        return "told"
    sound = sound_share(answers)
    return "guessing" if float(bdtr(right, samples, sound)) < FALSE_ALARM else "unclear"


def sound_share(answers: int) -> float:
    """The share of right answers that a sound model has at least; with few classes half of the way from chance to 1.

    >>> sound_share(10), sound_share(1000), sound_share(2)
    (0.30000000000000004, 0.2, 0.75)
    """
    chance = 1 / answers
    return min(max(SOUND_TIMES * chance, SOUND_SHARE), (1 + chance) / 2)
