"""What a runner is to the rest of the project, and the checks that every runner makes of what goes in and comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pytest_quant.nets.given import Given
from pytest_quant.spec.errors import RunnerError

Array = NDArray[np.float32]


class Runner(Protocol):
    """A loaded net: arrays in, arrays out. Not shared between threads."""

    def run(self, given: Given) -> dict[str, Array]:
        """One forward pass; raises `RunnerError` for an input or an output that is not usable."""
        ...

    def close(self) -> None:
        """Free the net."""
        ...


class LooksAhead(ABC):
    """A runner of a net that computes elsewhere, and goes on with inputs whose outputs are asked for later.

    A class to inherit: asking each runner whether it has all of these would cost as much as a small net.
    """

    @property
    @abstractmethod
    def forward_s(self) -> float:
        """Seconds that forward passes took there."""

    @abstractmethod
    def run(self, given: Given) -> dict[str, Array]:
        """As a `Runner`."""

    @abstractmethod
    def close(self) -> None:
        """As a `Runner`."""

    @property
    @abstractmethod
    def has_room(self) -> bool:
        """Whether more inputs are to be announced now."""

    @abstractmethod
    def ahead(self, given: Given) -> None:
        """Announce an input that `run` will be called with; its memory must not change until then.

        Never raises: what is wrong with the input, or with the way to the net, `run` says.
        """

    @abstractmethod
    def no_more(self) -> None:
        """Nothing is announced for a while: what was announced waits for nothing else. Never raises, as `ahead`."""

    @abstractmethod
    def forget(self) -> None:
        """What was announced and not asked for is not needed any more."""


def check_input(what: str, array: object, *, channels: int | None, size: tuple[int, int] | None) -> Array:
    """The array as the runtime needs it (contiguous), or a `RunnerError` that says what is wrong.

    ``channels`` and ``size`` (width, height) are what the net expects, where it is known. A runtime that is handed
    another type or shape reads memory that is not there, or answers without a word of warning.
    """
    if not isinstance(array, np.ndarray):
        raise RunnerError(f"{what}: found an input of type {type(array).__name__}, expected a numpy array")
    if array.dtype != np.float32:
        raise RunnerError(
            f"{what}: found an input of dtype {array.dtype}, expected float32 (preprocessed; .astype(numpy.float32))"
        )
    if array.ndim == 0 or array.size == 0:
        raise RunnerError(f"{what}: found an input of shape {array.shape}, expected (channels, height, width)")
    if channels is not None and (array.ndim != 3 or array.shape[0] != channels):
        raise RunnerError(
            f"{what}: found an input of shape {array.shape}, expected (channels, height, width) with {channels} "
            "channels and no batch dimension"
        )
    if size is not None and (array.ndim != 3 or array.shape[:0:-1] != size):
        raise RunnerError(
            f"{what}: found an input of shape {array.shape}, expected width {size[0]} and height {size[1]} as "
            "`input.size` says"
        )
    if not np.isfinite(array).all():
        raise RunnerError(f"{what}: the input holds {np.count_nonzero(~np.isfinite(array))} values that are not finite")
    return np.ascontiguousarray(array)


def check_outputs(what: str, outputs: Mapping[str, Array]) -> None:
    """Raise `RunnerError` when an output holds NaN or infinity."""
    for blob, array in outputs.items():
        bad = np.count_nonzero(~np.isfinite(array))
        if bad:
            raise RunnerError(
                f"{what}: the output blob {blob!r} holds {bad} of {array.size} values that are not finite"
            )
