"""``constant``: a net says the same of every sample, so it does not look at them."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look


def find_constant(look: Look) -> Iterator[Finding]:
    """An error for each net whose answers to two or more different inputs are all equal."""
    if len(set(look.on_samples.digests)) < 2:
        return
    for net, answers in look.answers.items():
        given = [answer for answer in answers if answer] or answers
        if len(set(given)) > 1 or len(given) < 2:
            continue
        what = "finds nothing in any" if not given[0] else "gives the same output for each"
        yield Finding(
            "constant",
            "error",
            f"{net} {what} of {len(given)} samples",
            "are its weights damaged (NaN, zero), is it the right `output`, and does `input` give it values in the "
            "range that it was trained on?",
        )
