"""A model that a zoo file could have, and the names of several."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.metafile import MetafileModel, Metafiles


@dataclass(frozen=True)
class Proposal:
    """A model that a zoo file could have."""

    name: str
    source: str
    """What it was found in, for a comment."""
    draft: Draft
    dataset_type: str
    published: MetafileModel | None = None
    """The model of a metafile that it is."""
    above: tuple[str, ...] = ()
    """Its folder and those above it, up to the one that was looked at."""


@dataclass
class Found:
    """Everything that was found."""

    proposals: list[Proposal] = field(default_factory=list)
    regressions: list[Path] = field(default_factory=list)
    metafiles: Metafiles = field(default_factory=Metafiles)
    """Those that were read."""
    left_out: list[str] = field(default_factory=list)
    """What could not be used, and why."""


def with_own_names(proposals: Sequence[Proposal]) -> list[Proposal]:
    """The proposals under names that a zoo file may have; those of one name get that of their folder in front."""
    counts = Counter(_legal(one.name) for one in proposals)
    taken: set[str] = set()
    named = []
    for one in proposals:
        plain_name = _legal(one.name)
        above = one.above[one.above[:1] == (one.name,) :]
        longer = [_legal("-".join([*above[:count][::-1], one.name])) for count in range(1, len(above) + 1)]
        numbered = [f"{plain_name}-{number}" for number in range(2, len(proposals) + 2)]
        candidates = [*longer, plain_name, *numbered] if counts[plain_name] > 1 else [plain_name, *longer, *numbered]
        name = next(name for name in candidates if name not in taken)
        taken.add(name)
        named.append(replace(one, name=name))
    return named


def _legal(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", name).lstrip("._+-") or "model"
