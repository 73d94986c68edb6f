"""Many claims at one confidence: Holm's step-down correction, from bounds instead of p-values.

S. Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
"""

from __future__ import annotations

from collections.abc import Callable


def holm(is_certain: Callable[[int, float], bool], count: int, confidence: float) -> frozenset[int]:
    """Which of ``count`` claims are certain, all of them together at one-sided ``confidence``.

    The most certain of k open claims is held against the error of one shared by k; with each that is certain there is
    one less to share with. The probability that any claim found here is wrong is at most 1 - confidence, however they
    depend on each other.

    Args:
        is_certain: Whether a claim, by its index, is certain at a one-sided confidence of its own; one that is certain
            at some confidence is so at every lower one.
        count: How many claims there are.
        confidence: Between 0.5 and 1.

    >>> p_values = [0.01, 0.2, 0.02]
    >>> sorted(holm(lambda index, confidence: p_values[index] <= 1 - confidence, 3, 0.95))
    [0, 2]

    """
    return frozenset(index for index, (_, found) in enumerate(_steps(is_certain, count, confidence)) if found)


def holm_confidences(is_certain: Callable[[int, float], bool], count: int, confidence: float) -> list[float]:
    """The confidence at which each of the claims of `holm` is certain; of the others that of the last step.

    >>> p_values = [0.01, 0.2, 0.02]
    >>> found = holm_confidences(lambda index, confidence: p_values[index] <= 1 - confidence, 3, 0.95)
    >>> [round(one, 4) for one in found]
    [0.9833, 0.95, 0.975]

    """
    return [own for own, _ in _steps(is_certain, count, confidence)]


def _steps(is_certain: Callable[[int, float], bool], count: int, confidence: float) -> list[tuple[float, bool]]:
    """Of each claim the confidence that it was last held against, and whether it is certain there."""
    steps, open_claims = [(confidence, False)] * count, set(range(count))
    while open_claims:
        own = confidence_of_each(confidence, len(open_claims))
        found = {index for index in sorted(open_claims) if is_certain(index, own)}
        for index in open_claims:
            steps[index] = (own, index in found)
        if not found:
            break
        open_claims -= found
    return steps


def confidence_of_each(confidence: float, count: int) -> float:
    """The confidence of each of ``count`` claims that hold together with ``confidence``, whatever their dependence.

    >>> round(confidence_of_each(0.95, 10), 9)
    0.995
    """
    return 1.0 - (1.0 - confidence) / count
