"""``duplicates``: samples that are copies of others, so there are fewer than their number says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.spec.text import first_few

_SHARE = 0.01
"""Of the samples; real test sets have some."""


def find_duplicates(look: Look) -> Iterator[Finding]:
    """A warning where more than a few evaluated samples have the same content as another one."""
    digests = look.on_samples.digests
    contents = [f"{digest} {sample.extra}" for digest, sample in zip(digests, look.samples, strict=True)]
    times = Counter(contents)
    copies = len(contents) - len(times)
    if copies <= _SHARE * len(contents):
        return
    same = [sample.id for sample, content in zip(look.samples, contents, strict=True) if times[content] > 1]
    yield Finding(
        "duplicates",
        "warning",
        f"{copies} of {len(contents)} samples are copies of another one by content ({first_few(sorted(same))})",
        "intervals count each as new evidence: remove the copies",
    )
