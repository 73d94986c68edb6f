"""What everyone may know about a limit; how each kind is decided stands in `pytest_quant.judging.limits`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_quant.spec.metric import Metric
from pytest_quant.spec.net import Net

Kind = str
"""What a case is about: a kind of limit, or ``config`` and ``zoo`` for what must be mended before there are limits."""


@dataclass(frozen=True)
class Limit(ABC):
    """One thing to decide about a model: one case, one verdict."""

    kind: ClassVar[Kind]
    needs_dataset: ClassVar[bool] = True
    """Whether deciding it takes samples; the others look at the model's files only."""
    is_loss: ClassVar[bool] = False
    """Whether a broken one says that int8 lost too much: then the layers behind it are looked for, and a repair."""

    metric: Metric | None = field(default=None, init=False)
    """The metric it is about, if any."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The last part of the test id: ``top1``, ``floor[top1]``, ``published[fp32.top1]``, ``require[flip_test]``."""

    @property
    def recorded(self) -> float | bool | str | None:
        """The limit as a case record has it before the case runs: a plain JSON value."""
        return None

    @property
    def net(self) -> Net:
        """The net that is held against fp32 to decide it."""
        return "int8"
