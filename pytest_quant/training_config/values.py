"""The values of a config file: plain Python data, with `Unread` where only executing the file would tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from pytest_quant.training_config.effort import Effort

_LARGEST = 2**63
"""Python does not print one of 5000 digits."""


@dataclass(frozen=True)
class Unread:
    """A value that the file's text does not tell."""

    reason: str
    """File, line and what stands there."""


class _Rest(Enum):
    KEY = 0

    def __repr__(self) -> str:
        return "REST"


REST = _Rest.KEY
"""Key of a dict of which not all is known; its value is the `Unread` that says why. The dict's other keys are known."""


class NotToldError(Exception):
    """A loop over something that is not known; the argument is the `Unread` of it, or None."""


class UnreadError(Exception):
    """A value was asked for that cannot be told without executing the file; the text says where and why."""


def separate(values: Mapping[object, object], effort: Effort) -> dict[object, object]:
    """The values of a file for those that inherit from it: copies, each by itself, as mmengine hands them on.

    So a list that a file names twice is one object in that file, and two for its heirs.
    """
    return {key: copied(value, effort) for key, value in values.items()}


def copied(value: object, effort: Effort) -> object:
    """A copy that shares nothing with the value, whole numbers of more than 64 bits infinite.

    Raises `ConfigError` for one that is too large when written out.
    """
    effort.spend()
    if isinstance(value, dict):
        return {key: copied(inner, effort) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copied(inner, effort) for inner in value)
    return float("inf") if isinstance(value, int) and abs(value) >= _LARGEST else value


def merge(child: Mapping[object, object], base: Mapping[object, object]) -> dict[object, object]:
    """What a config is when ``child`` inherits from ``base``: dicts are joined, all else is replaced.

    In ``child``, ``_delete_=True`` replaces a dict as a whole.

    >>> merge({"a": {"x": 1}, "b": {"_delete_": True}}, {"a": {"x": 0, "y": 0}, "b": {"z": 0}})
    {'a': {'x': 1, 'y': 0}, 'b': {}}
    """
    merged = {} if REST in child else dict(base)
    for key, value in child.items():
        before = base.get(key, base.get(REST))
        merged[key] = _joined(value, before) if isinstance(value, Mapping) else value
    return merged


def _joined(value: Mapping[object, object], before: object) -> dict[object, object]:
    replaces = value.get("_delete_", False)
    own = {key: entry for key, entry in value.items() if key != "_delete_"}
    if isinstance(replaces, Unread):
        return {**own, REST: replaces}
    if replaces:
        return own
    if isinstance(before, Unread):
        return {**own, REST: before}
    return merge(own, before) if isinstance(before, Mapping) else own


def lookup(value: object, keys: tuple[str, ...]) -> object:
    """The value below ``keys``; raises `UnreadError` when it is not known, `KeyError` when it is known to be absent."""
    for key in keys:
        if isinstance(value, Unread):
            raise UnreadError(value.reason)
        if not isinstance(value, Mapping):
            raise KeyError(key)
        if key not in value and REST in value:
            raise UnreadError(value[REST].reason)
        value = value[key]
    unknown = unread_in(value)
    if unknown is not None:
        raise UnreadError(unknown.reason)
    return value


def unread_in(value: object) -> Unread | None:
    """Why a value is not known as a whole; None when it is."""
    return next((inner for inner in parts(value) if isinstance(inner, Unread)), None)


def parts(value: object) -> Iterator[object]:
    """A value and all values within it, each once."""
    seen: set[int] = set()
    todo = [value]
    while todo:
        current = todo.pop()
        yield current
        if isinstance(current, Mapping | list | tuple) and id(current) not in seen:
            seen.add(id(current))
            todo += current.values() if isinstance(current, Mapping) else current


def spoil(value: object, why: Unread) -> None:
    """Mark everything within a value as unread, also for others that share it: it may have been changed in place."""
    for container in list(parts(value)):
        if isinstance(container, dict):
            container.clear()
            container[REST] = why
        elif isinstance(container, list):
            container[:] = [why]
