"""``image-size``: files whose size is not the one that their annotations were made for."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.datasets.coco_detection import DetectionTruth
from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.extending.known import get_task
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look


def find_other_sizes(look: Look) -> Iterator[Finding]:
    """A warning where COCO's `width` and `height` are not those of the pixels that the net is given."""
    orient = get_task(look.model.task).orient
    found, unlike = look.headers, []
    for header in found:
        truth, size = header.sample.truth, header.size(orient=orient)
        if isinstance(truth, (PoseTruth, DetectionTruth)) and (truth.image.width, truth.image.height) != size:
            unlike.append(
                f"{header.sample.id} is {size[0]} x {size[1]}, annotated as {truth.image.width} x {truth.image.height}"
            )
    if unlike:
        yield Finding(
            "image-size",
            "warning",
            f"{len(unlike)} of {len(found)} images that were looked at have another size than their annotations say "
            f"({unlike[0]})",
            "were they scaled or rotated after they were annotated? Annotations and images have to be of one version",
        )
