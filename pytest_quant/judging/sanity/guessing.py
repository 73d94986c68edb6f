"""``guessing``: fp32 cannot be told from a net that guesses, so int8 cannot be worse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_quant.evidence.guessing import guesses, samples_to_tell, sound_share
from pytest_quant.extending.known import get_task
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.tasks.base import GuessedHits, GuessedScore

_NO_ACCIDENT = 1e-5
"""Probability that samples changed sides by accident; some twenty changes are tried."""
_QUESTION = "are mean, std, colour order, resize, decoder, labels and order of the classes those of this model?"


def find_guessing(look: Look) -> Iterator[Finding]:
    """An error where a sound model would not score so little; a warning where the samples are too few to tell."""
    if look.model.dataset.is_unlabelled:
        return
    guessed = get_task(look.model.task).guessed(look.measurement.comparison, look.predictions["fp32"])
    if isinstance(guessed, GuessedHits):
        for finding in _by_hits(guessed, look.subject.confidence):
            yield _with_cause(look, finding) if finding.severity == "error" else _unclear(look, finding)
    elif isinstance(guessed, GuessedScore) and guessed.is_next_to_worst:
        metric = guessed.pair.metric
        finding = Finding(
            "guessing",
            "error",
            f"fp32 scores {metric.number(guessed.pair.fp32)} in {metric.name}, next to the worst there is, so a limit "
            "on the drop tests nothing",
            _QUESTION,
        )
        yield _with_cause(look, finding)


def _with_cause(look: Look, finding: Finding) -> Finding:
    """With the usual mistake whose undoing restores the score, if there is one."""
    restored = look.subject.restoring()
    return finding if restored is None else replace(finding, advice=f"{restored.text}: correct that")


def _unclear(look: Look, finding: Finding) -> Finding:
    """An error after all where a usual mistake that is undone restores so much that it is no accident."""
    restored = look.subject.restoring()
    if restored is None or restored.chance > _NO_ACCIDENT:
        return finding
    return replace(finding, severity="error", advice=f"{restored.text}: correct that")


def _by_hits(guessed: GuessedHits, confidence: float) -> Iterator[Finding]:
    verdict = guesses(guessed.right, guessed.samples, guessed.answers, confidence)
    if verdict == "told":
        return
    found = (
        f"fp32 is right on {guessed.right} of {guessed.samples} samples ({100 * guessed.right / guessed.samples:.2f} "
        f"%), which cannot be told from guessing among {guessed.answers} classes "
        f"({100 / guessed.answers:.2f} %) at {100 * confidence:g} % confidence"
    )
    if verdict == "guessing":
        yield Finding("guessing", "error", found, _QUESTION)
    else:
        yield Finding(
            "guessing",
            "warning",
            f"{found}; so few samples do not tell a sound model either, which is right on "
            f"{100 * sound_share(guessed.answers, guessed.samples):.2g} % at least",
            f"evaluate more of them (about {samples_to_tell(guessed.answers)} tell one that guesses), or give "
            "`published` or `floor`, which hold the score against what is known",
        )
