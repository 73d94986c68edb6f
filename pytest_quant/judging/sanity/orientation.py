"""``orientation``: images that say by EXIF that they are to be rotated, where the protocol does not do it."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.extending.known import get_task
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.spec.text import first_few

_SHARE = 0.05
"""Of the images."""


def find_rotated(look: Look) -> Iterator[Finding]:
    """A warning for tasks that take pixels as they are stored."""
    if get_task(look.model.task).orient:
        return
    found = look.headers
    rotated = [header.sample.id for header in found if header.orientation > 1]
    if len(rotated) > _SHARE * len(found):
        yield Finding(
            "orientation",
            "warning",
            f"{len(rotated)} of {len(found)} images that were looked at carry an EXIF rotation, which this task's "
            f"protocol does not apply ({first_few(rotated)})",
            "is the ground truth that of the stored pixels? Else store them upright",
        )
