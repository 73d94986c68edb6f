"""A dataset as a zoo file names it, and what a repair is searched on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

IMAGES = "images"
"""The type of a dataset of images alone, which every task takes."""

ARRAYS = "arrays"
"""The type of a dataset of arrays alone, which are fed to nets as they are."""


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset as the zoo file names it; ``options`` is the validated model of its type."""

    name: str
    type: str
    options: Any = field(hash=False)  # a user's model need not be frozen, nor its lists tuples
    zoo: Path
    """The zoo file that declares it: messages name it."""
    missing: str | None = None
    """Why it cannot be on this machine at all (an environment variable is not set); then there are no ``options``."""
    waive: tuple[tuple[str, str], ...] = ()
    """Names of sanity checks whose findings about it are known, each with the reason why they may stand."""

    @property
    def is_unlabelled(self) -> bool:
        """Whether its samples have no ground truth, so that int8 is held against fp32's answers alone."""
        return self.type in (IMAGES, ARRAYS)


@dataclass(frozen=True)
class RescueSpec:
    """What a repair of the int8 net is searched on: ``rescue: ...``."""

    source: DatasetSpec | Path | None
    """A labelled dataset, or a folder or list of images; None where ``missing``."""
    samples: int | None = None
    """At most so many of them; None: all."""
    missing: str | None = None
    """Why they cannot be on this machine at all: an environment variable is not set."""
