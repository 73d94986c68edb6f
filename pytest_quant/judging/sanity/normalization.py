"""``normalization``: mean and std that look like those of pixels on another scale."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.spec.net import InputSpec
from pytest_quant.spec.text import listed

_BYTES = 10.0
"""From this largest pixel value on, pixels are those of 0 to 255, not of 0 to 1."""


def find_other_scale(look: Look) -> Iterator[Finding]:
    """A warning that says which scale they are of."""
    if look.model.input.arrays:
        return
    found = looks_like(look.model.input)
    if found is not None:
        yield Finding("normalization", "warning", *found)


def looks_like(net_input: InputSpec) -> tuple[str, str] | None:
    """What was found and what to do; None for usual values."""
    largest = 255 * net_input.scale
    shown = f"mean [{_numbers(net_input.mean)}] and std [{_numbers(net_input.std)}]"
    if largest >= _BYTES:
        if 0 < max(net_input.mean) <= 1 or (max(net_input.std) < 1 and any(net_input.mean)):
            inverse = max(net_input.std) < 0.1 and max(net_input.mean) > 1
            advice = (
                "std is the divisor: write 1 / std" if inverse else "multiply both by 255, or add `scale: 0.00392157`"
            )
            kind = "std looks like its inverse" if inverse else "they look like those of pixels from 0 to 1"
            return f"pixels are 0 to {largest:g} before {shown}; {kind}", advice
    elif max(net_input.mean) > 2 * largest or max(net_input.std) > 10 * largest:
        return (
            f"`scale` makes pixels 0 to {largest:.3g} before {shown}, which look like those of pixels from 0 to 255",
            "divide both by 255, or leave out `scale`",
        )
    return None


def _numbers(values: tuple[float, ...]) -> str:
    return listed(f"{value:g}" for value in values)
