"""``annotated-twice``: the same region stands in an image more than once, and can be found only once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pytest_quant.judging.sanity.annotated import Region, regions_of
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.spec.text import first_few

_SHARE = 0.01
"""Of the regions."""


def find_annotated_twice(look: Look) -> Iterator[Finding]:
    """A warning where regions of the same label and place repeat, to the pixel."""
    total, copies, where = 0, 0, []
    for sample in look.samples:
        regions = Counter(_place(region) for region in regions_of(sample.truth) if region.counts)
        total += sum(regions.values())
        repeated = sum(regions.values()) - len(regions)
        copies += repeated
        where += [sample.id] if repeated else []
    if copies and copies > _SHARE * total:
        yield Finding(
            "annotated-twice",
            "warning",
            f"{copies} of {total} annotated regions repeat another one of their image (samples {first_few(where)})",
            "each can be found only once, so the others count as missed: remove them",
        )


def _place(region: Region) -> tuple[str, tuple[int, ...]]:
    return region.label, tuple(round(value) for value in region.points)
