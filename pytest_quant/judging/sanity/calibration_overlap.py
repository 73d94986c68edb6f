"""``calibration-overlap``: int8 is measured on images that it was tuned to."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.judging.remarks import overlap
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look


def find_overlap(look: Look) -> Iterator[Finding]:
    """A warning where this run made the int8 net, and so knows the images."""
    found = overlap(look.measurement)
    if found is not None:
        yield Finding(
            "calibration-overlap",
            "warning",
            found,
            "calibrate with other images, such as some of the training images",
        )
