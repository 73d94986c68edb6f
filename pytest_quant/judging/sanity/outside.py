"""``outside``: annotated regions that leave their image, as those of another size or another form of box do."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.extending.known import get_task
from pytest_quant.judging.sanity.annotated import Region, regions_of
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.spec.text import first_few

_SHARE = 0.05
"""Of the regions; single mistakes are in every dataset."""
_OUTSIDE = 0.2
"""Of a region's bounding box: annotators draw some pixels over the edge."""


def find_outside(look: Look) -> Iterator[Finding]:
    """A warning where many regions lie outside their image in good part."""
    orient = get_task(look.model.task).orient
    total, leaving = 0, []
    for header in look.headers:
        regions = [region for region in regions_of(header.sample.truth) if region.counts]
        total += len(regions)
        size = header.size(orient=orient)
        leaving += [header.sample.id for region in regions if _outside(region, size) > _OUTSIDE]
    if not leaving or len(leaving) <= _SHARE * total:
        return
    yield Finding(
        "outside",
        "warning",
        f"{len(leaving)} of {total} annotated regions lie outside their image in part (samples "
        f"{first_few(list(dict.fromkeys(leaving)))})",
        "were the images scaled or rotated after they were annotated, or are boxes written as x1 y1 x2 y2 where left, "
        "top, width and height are expected?",
    )


def _outside(region: Region, size: tuple[int, int]) -> float:
    """The share of a region's bounding box that lies outside an image of that width and height."""
    x, y = region.points[::2], region.points[1::2]
    whole = (max(x) - min(x)) * (max(y) - min(y))
    inside = max(min(max(x), size[0]) - max(min(x), 0), 0) * max(min(max(y), size[1]) - max(min(y), 0), 0)
    return 1 - inside / whole if whole > 0 else 0.0
