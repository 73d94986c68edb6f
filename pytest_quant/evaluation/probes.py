"""What is found out about single samples beside their predictions: a part of an evaluation notes it for the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from pytest_quant.spec.model import ModelSpec

T = TypeVar("T")


class Probes:
    """Makes whatever is asked for."""

    def fetch(self, model: ModelSpec, name: str, key: str, make: Callable[[], T]) -> T:
        """What ``make`` gives for one sample of a model; ``name`` and ``key`` say what it is about."""
        return make()


class NotedProbes(Probes):
    """Notes what was made."""

    def __init__(self) -> None:
        self.noted: dict[tuple[str, str], dict[tuple[str, str], object]] = {}
        """Zoo file and model to name and key to what was made."""

    def fetch(self, model: ModelSpec, name: str, key: str, make: Callable[[], T]) -> T:
        """See `Probes`."""
        own = self.noted.setdefault((str(model.zoo), model.name), {})
        if (name, key) not in own:
            own[name, key] = make()
        return cast(T, own[name, key])  # who asks by name and key knows what it is


class KnownProbes(Probes):
    """Gives what others have noted."""

    def __init__(self, known: Callable[[ModelSpec], Mapping[tuple[str, str], object]]) -> None:
        self._known = known

    def fetch(self, model: ModelSpec, name: str, key: str, make: Callable[[], T]) -> T:
        """See `Probes`; made where nobody has noted it."""
        own = self._known(model)
        return cast(T, own[name, key]) if (name, key) in own else make()
