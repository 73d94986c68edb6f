"""What a net is given: one array, or several by name; conversions to the type and the axes that an input has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from pytest_quant.spec.errors import RunnerError
from pytest_quant.spec.text import listed

AnyArray = NDArray[Any]
"""Numbers of any type."""

ArraysByName = Mapping[str, AnyArray]

Given = Any
"""The one input of a net that is fed an image, an `Array` of (channels, height, width); or the `ArraysByName` that a
net is fed as they are, by the names under ``inputs`` of the model. The entry says which of the two, so a task knows."""

GivenShape = tuple[int, ...] | tuple[tuple[str, str, tuple[int, ...]], ...]
"""The same without the values: a shape, or name, dtype and shape of each."""


def is_by_name(given: object) -> TypeGuard[ArraysByName]:
    """Whether arrays are given by name."""
    return isinstance(given, Mapping)


def shape_of(given: Given) -> GivenShape:
    """Plain data.

    >>> shape_of({"ids": np.zeros((2, 3), np.int64)})
    (('ids', 'int64', (2, 3)),)
    """
    if is_by_name(given):
        return tuple((name, str(array.dtype), tuple(array.shape)) for name, array in sorted(given.items()))
    return tuple(given.shape)


def nbytes_of(given: Given) -> int:
    """How much memory it takes; 0 for what no net will take.

    >>> nbytes_of(np.zeros((3, 8, 8), np.float32)), nbytes_of({"ids": np.zeros(4, np.int64)}), nbytes_of(None)
    (768, 32, 0)
    """
    if is_by_name(given):
        return sum(nbytes_of(array) for array in given.values())
    return given.nbytes if isinstance(given, np.ndarray) else 0


def zeros_of(shape: GivenShape) -> Given:
    """Zeros of that shape, or of those shapes and types."""
    named = [one for one in shape if isinstance(one, tuple)]
    if named:
        return {name: np.zeros(own, np.dtype(dtype)) for name, dtype, own in named}
    return np.zeros([one for one in shape if isinstance(one, int)], np.float32)


def values_of(shape: GivenShape) -> Iterator[Given]:
    """Zeros, and for a net that is fed an image ones and noise: arrays by name may hold numbers that mean something.

    >>> [one.shape for one in values_of((1, 2, 2))]
    [(1, 2, 2), (1, 2, 2), (1, 2, 2)]
    """
    yield zeros_of(shape)
    sizes = [one for one in shape if isinstance(one, int)]
    if len(sizes) == len(shape):
        yield np.ones(sizes, np.float32)
        yield np.random.default_rng(0).standard_normal(sizes, np.float32)


def same(one: Given, other: Given) -> bool:
    """Whether all values are equal."""
    if is_by_name(one) and is_by_name(other):
        return one.keys() == other.keys() and all(np.array_equal(array, other[name]) for name, array in one.items())
    return not is_by_name(one) and not is_by_name(other) and np.array_equal(one, other)


def by_name(what: str, given: object, names: list[str]) -> ArraysByName:
    """The arrays of a net, each one there and finite; raises `RunnerError`.

    An array alone stands for the only one of ``names``. More than those are left alone: another net takes them.
    """
    arrays: Mapping[str, object]
    if is_by_name(given):
        arrays = given
    elif len(names) == 1:
        arrays = {names[0]: given}
    else:
        raise RunnerError(f"{what}: found an input of type {type(given).__name__}, expected arrays by name: {names}")
    absent = [name for name in names if name not in arrays]
    if absent:
        raise RunnerError(f"{what}: no array is given for {listed(absent)}; given are {listed(arrays) or 'none'}")
    return {name: _checked(what, name, arrays[name]) for name in names}


def _checked(what: str, name: str, array: object) -> AnyArray:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        found = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else f"type {type(array).__name__}"
        raise RunnerError(f"{what}: input {name!r}: found {found}, expected an array of numbers")
    if array.size == 0:
        raise RunnerError(f"{what}: input {name!r}: found an array of shape {array.shape}, which has no values")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = np.count_nonzero(~np.isfinite(array))
        raise RunnerError(f"{what}: input {name!r} holds {bad} values that are not finite (NaN or infinity)")
    return array


def converted(what: str, name: str, array: AnyArray, dtype: str) -> AnyArray:
    """An array in the type that an input takes; raises `RunnerError` where it would become other numbers.

    Between floating-point types values are rounded, but not beyond the range; anything else has to be exact.

    >>> converted("net", "ids", np.array([3, 7]), "int32")
    array([3, 7], dtype=int32)
    """
    if array.dtype == dtype:
        return array
    wanted = np.dtype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        made: AnyArray = array.astype(wanted)
    if array.dtype.kind == wanted.kind == "f":
        if not np.isfinite(made).all():
            raise RunnerError(f"{what}: input {name!r} takes {dtype}, and holds values beyond its range")
    elif not np.array_equal(made, array):
        wrong = array[made != array].reshape(-1)[0]
        raise RunnerError(f"{what}: input {name!r} takes {dtype}, and {array.dtype} {wrong} is not one of its values")
    return made


def with_axes(array: AnyArray, count: int | None) -> AnyArray | None:
    """The array with so many axes, by a leading one of length 1 more or less; None where that does not do.

    >>> with_axes(np.zeros((1, 3, 8)), 2).shape, with_axes(np.zeros((3, 8)), 3).shape, with_axes(np.zeros((2, 3)), 1)
    ((3, 8), (1, 3, 8), None)
    """
    if count is None or array.ndim == count:
        return array
    if array.ndim == count + 1 and array.shape[0] == 1:
        first: AnyArray = array[0]
        return first
    return array[np.newaxis] if array.ndim == count - 1 else None
