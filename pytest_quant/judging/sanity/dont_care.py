"""``dont-care``: regions of ICDAR files that look like don't-care ones and count as text to be found."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_quant.datasets.text_region import TextRegion
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look

_LANGUAGE = re.compile(r"(Latin|Arabic|Bangla|Bengali|Chinese|Hindi|Japanese|Korean|Symbols|Mixed|None|English),")
_LANGUAGE_SHARE = 0.5
_MARKS = frozenset({"#", "##", "###", "####", "*"})
_MANY = 300
"""From this number of regions on a dataset of scenes has some that nobody can read."""
_TYPE = "icdar2015"


def find_dont_care(look: Look) -> Iterator[Finding]:
    """A warning for one of the ways in which they are lost."""
    if look.model.dataset.type != _TYPE:
        return
    regions = [region for sample in look.samples for region in sample.truth if isinstance(region, TextRegion)]
    language = sum(_LANGUAGE.match(region.text) is not None for region in regions)
    marked = [region.text for region in regions if not region.ignore and region.text.strip('" ') in _MARKS]
    if language and language >= _LANGUAGE_SHARE * len(regions):
        yield _finding(
            f"{language} of {len(regions)} transcriptions begin with a language, such as {_first(regions)!r}",
            "write `language_field: true` for the dataset",
        )
    elif marked:
        yield _finding(
            f"{len(marked)} of {len(regions)} transcriptions are {sorted(set(marked))!r} and count as text to be found",
            "if they are don't-care regions, name them: `dont_care: [...]` of the dataset",
        )
    elif len(regions) >= _MANY and not any(region.ignore for region in regions):
        yield _finding(
            f"none of {len(regions)} regions is don't-care",
            "how do the files mark text that nobody can read? Name it: `dont_care: [...]` of the dataset",
        )


def _finding(found: str, advice: str) -> Finding:
    return Finding("dont-care", "warning", found, advice)


def _first(regions: list[TextRegion]) -> str:
    return next(region.text for region in regions if _LANGUAGE.match(region.text))
