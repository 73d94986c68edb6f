"""The weights of an ncnn network, ``.bin``: walked byte for byte along the layers of its ``.param``.

A ``.bin`` has no header and no lengths, and ncnn crashes on several damaged ones, runs others with garbage and ignores
what is left over. `walk` accepts a file only when the layers use up every byte of it. It reads the storage tags, the
small arrays and a few values of each large one, so a large file costs little.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pytest_quant.nets.known_facts import Bytes, joined
from pytest_quant.nets.ncnn.files.array_spec import ArraySpec
from pytest_quant.nets.ncnn.files.arrays import array_specs, int8_term
from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.lfs import why_absent
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import open_regular

Storage = Literal["bare", "packed", "fp32", "fp16", "int8", "table"]

TAG_FP16 = 0x01306B47
TAG_INT8 = 0x000D4B38
TAG_FP32 = 0x0002C056
_STORAGE_BY_TAG: dict[int, Storage] = {0: "fp32", TAG_FP32: "fp32", TAG_FP16: "fp16", TAG_INT8: "int8"}
_ITEM_BYTES: dict[Storage, int] = {"bare": 4, "packed": 1, "fp32": 4, "fp16": 2, "int8": 1, "table": 1}
_DTYPES: dict[Storage, str] = {"bare": "<f4", "fp32": "<f4", "fp16": "<f2"}
_TABLE_BYTES = 1024
_SAMPLED_VALUES = 16
_CHUNK_BYTES = 1 << 16
_POINTER_BYTES = 200


_Specs = tuple[ArraySpec, ...] | None
"""The arrays of a layer; None where its type is unknown."""


class StoredArray(NamedTuple):
    """One array of the ``.bin``.

    Attributes:
        layer: the layer that it belongs to.
        role: its part there, see `pytest_quant.nets.ncnn.files.arrays.ArraySpec`.
        count: number of elements.
        storage: ``bare`` (fp32 without a tag), ``packed`` (bytes without a tag), ``fp32``, ``fp16``, ``int8`` or
            ``table`` (256 values and indexes).
        offset: byte where its values begin, behind the tag.

    """

    layer: Layer
    role: str
    count: int  # type: ignore[assignment] # what tuples have under that name, nobody needs of one of these
    storage: Storage
    offset: int

    @property
    def size_bytes(self) -> int:
        """Bytes of the values with their table and padding, without the tag."""
        if self.storage == "bare":
            return 4 * self.count
        table = _TABLE_BYTES if self.storage == "table" else 0
        return table + (self.count * _ITEM_BYTES[self.storage] + 3) // 4 * 4

    @property
    def end(self) -> int:
        """Byte behind the array."""
        return self.offset + self.size_bytes


@dataclass(frozen=True)
class Weights:
    """The arrays of a ``.bin`` file that fits its ``.param``.

    Attributes:
        path: the file.
        arrays: what the layers load, in file order.
        size_bytes: length of the file.
        unknown: the first layer whose type is not known, where the walk ended; empty when the whole file was checked.

    """

    path: Path
    arrays: tuple[StoredArray, ...]
    size_bytes: int
    unknown: tuple[Layer, ...]

    @cached_property
    def by_line(self) -> Mapping[int, dict[str, StoredArray]]:
        """Line number of a layer to its arrays by role."""
        found: dict[int, dict[str, StoredArray]] = {}
        for array in self.arrays:
            found.setdefault(array.layer.line, {})[array.role] = array
        return found

    def of(self, layer: Layer) -> Mapping[str, StoredArray]:
        """Return the arrays of ``layer`` by role."""
        return self.by_line.get(layer.line, {})

    def read(self, array: StoredArray) -> NDArray[np.float32] | NDArray[np.int8]:
        """Read the values, 1-D: int8 for int8 and packed storage, else float32 (of fp16 and tables, too)."""
        with self.path.open("rb") as file:
            file.seek(array.offset)
            data = file.read(array.size_bytes)
        return _decode(data, array.storage, array.count)


def walk(param: Param, bin_path: Path | str) -> Weights:
    """Check a ``.bin`` file against its network and list its arrays.

    Raises:
        ModelFileError: the file is missing, empty, truncated (with the layer and the missing bytes), too long, of
            another network, of the float or quantized version of this one, or holds values that no network has.

    """
    bin_path = Path(bin_path)
    for layer in param.layers:  # an impossible layer is told whatever the .bin holds
        array_specs(param, layer)
    with mapped(bin_path) as data:
        return walk_bytes(param, bin_path, data)


def walk_bytes(param: Param, bin_path: Path, data: Bytes) -> Weights:
    """`walk` of a file's bytes, which depends on nothing else in it than what is looked at."""
    specs = [array_specs(param, layer) for layer in param.layers]
    absent = why_absent(data[:_POINTER_BYTES])
    if absent is not None:
        raise ModelFileError(f"{shown(bin_path)} {absent}")
    try:
        weights = _walk(param, bin_path, data, specs)
    except ModelFileError as error:
        raise _explained(error, param, bin_path, data) from None
    _check_values(weights, data)
    return weights


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap | bytes]:
    """Give the file's bytes, which are read page by page as they are touched; raises `ModelFileError`."""
    try:
        file = open_regular(path)
    except FileNotFoundError:
        raise ModelFileError(f"{shown(path)}: no such .bin file") from None
    except OSError as error:
        if path.is_dir():
            raise ModelFileError(f"{shown(path)} is a folder; expected an ncnn .bin file") from None
        raise ModelFileError(f"{shown(path)}: the .bin file cannot be read: {error.strerror}") from error
    with file:
        if os.fstat(file.fileno()).st_size == 0:
            yield b""  # an empty file cannot be mapped
        else:
            try:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:  # no room in the process, or something that cannot be mapped
                raise ModelFileError(f"{shown(path)}: the .bin file cannot be read: {error}") from error
            with data:
                yield data


def _walk(param: Param, path: Path, data: Bytes, specs: Iterable[_Specs]) -> Weights:
    arrays: list[StoredArray] = []
    position, size = 0, len(data)
    for layer, found in zip(param.layers, specs, strict=True):
        if found is None:
            return Weights(path, tuple(arrays), size, (layer,))
        for spec in found:
            storage: Storage = "packed" if spec.is_packed else "bare"
            if spec.tagged:
                if position + 4 > size:
                    raise _truncated(param, path, layer, spec, position + 4 + spec.count, size)
                tag = int.from_bytes(data[position : position + 4], "little")
                storage = _STORAGE_BY_TAG.get(tag, "table")
                position += 4
            array = StoredArray(layer, spec.role, spec.count, storage, position)
            position = array.end
            if position > size:
                raise _truncated(param, path, layer, spec, position, size)
            if storage == "int8":
                _check_storage(param, path, array)
            arrays.append(array)
    if position < size:
        raise ModelFileError(
            f"{shown(path)}: {size - position} bytes are left over: {shown(param.path)} uses {position} of "
            f"{size}; this .bin belongs to another model, or the .param was edited"
        )
    return Weights(path, tuple(arrays), size, ())


def _truncated(param: Param, path: Path, layer: Layer, spec: ArraySpec, end: int, size: int) -> ModelFileError:
    return ModelFileError(
        f"{shown(path)}: the file ends inside layer {layer.name!r} ({layer.type}, {shown(param.path)}:{layer.line}): "
        f"its {spec.role} ({spec.count} values) ends at byte {end} or later, the file has {size} bytes: at least "
        f"{end - size} are missing; it is truncated or belongs to another model"
    )


def _check_storage(param: Param, path: Path, array: StoredArray) -> None:
    """Refuse int8 weights of a layer that is float."""
    if array.role.endswith("weight") and not int8_term(array.layer):
        raise ModelFileError(
            f"{shown(path)}: layer {array.layer.name!r} ({array.layer.type}) holds int8 weights, but "
            f"{shown(param.path)}:{array.layer.line} describes a float layer: the .bin is of the int8 model and "
            "the .param of the fp32 one"
        )


def _explained(error: ModelFileError, param: Param, path: Path, data: Bytes) -> ModelFileError:
    """Say so where a quantized ``.param`` came with the float ``.bin``: the float reading then fits exactly."""
    quantized = next((layer for layer in param.layers if int8_term(layer)), None)
    if quantized is None:
        return error
    try:
        _walk(param, path, data, [array_specs(param, layer, as_float=True) for layer in param.layers])
    except ModelFileError:
        return error
    return ModelFileError(
        f"{shown(path)} is the float model's .bin, but {shown(param.path)}:{quantized.line} describes an int8 layer "
        f"({quantized.name!r}): name the .bin that was written together with this .param"
    )


def _check_values(weights: Weights, data: Bytes) -> None:
    """Refuse values that no network has; of a large array only the beginning is looked at.

    Infinite and zero scales are left to `pytest_quant.nets.ncnn.files.lint`: calibration tools do write them.
    """
    for array in weights.arrays if _has_odd_values(weights, data) else ():
        values = _first_values(array, data)
        bad = np.isnan(values) | (values < 0) if "scale" in array.role else ~np.isfinite(values)
        if bad.any() and array.layer.type not in ("Scale", "Normalize"):
            raise ModelFileError(
                f"{shown(weights.path)}: the {array.role} of layer {array.layer.name!r} ({array.layer.type}) holds "
                f"{values[bad][0]} near byte {array.offset}: the file is damaged or belongs to another model"
            )
    if weights.arrays and not any(_holds_a_value(array, data) for array in weights.arrays):
        raise ModelFileError(f"{shown(weights.path)}: every weight is 0: the file is damaged or was never filled")


def _has_odd_values(weights: Weights, data: Bytes) -> bool:
    """Whether `_check_values` has to look at the arrays one by one: all of them together are looked at in no time."""
    parts: dict[tuple[Storage, bool], list[tuple[int, int]]] = {}
    for array in weights.arrays:
        if array.storage in _DTYPES:
            kind_of = array.storage, "scale" in array.role
            if kind_of not in parts:
                parts[kind_of] = []
            parts[kind_of].append(_first_bytes(array))
    for (kind, is_scale), spans in parts.items():
        values = np.frombuffer(joined(data, spans), _DTYPES[kind])
        if not np.isfinite(values).all() or (is_scale and (values < 0).any()):
            return True
    return False


def _first_bytes(array: StoredArray) -> tuple[int, int]:
    _, _, count, storage, offset = array
    if storage == "bare":
        return offset, offset + 4 * count
    return offset, offset + min(count, _SAMPLED_VALUES) * _ITEM_BYTES[storage]


def _first_values(array: StoredArray, data: Bytes) -> NDArray[np.float32]:
    if array.storage not in _DTYPES:
        return np.zeros(0, np.float32)
    start, end = _first_bytes(array)
    return np.frombuffer(data[start:end], _DTYPES[array.storage]).astype(np.float32)


def _holds_a_value(array: StoredArray, data: Bytes) -> bool:
    starts = range(array.offset, array.end, _CHUNK_BYTES)
    return any(data[start : min(start + _CHUNK_BYTES, array.end)].strip(b"\0") for start in starts)


def _decode(data: bytes, storage: Storage, count: int) -> NDArray[np.float32] | NDArray[np.int8]:
    if storage == "table":
        indexes: NDArray[np.uint8] = np.frombuffer(data, np.uint8, count, _TABLE_BYTES)
        expanded: NDArray[np.float32] = np.frombuffer(data, "<f4", 256)[indexes].astype(np.float32)
        return expanded
    if storage in ("int8", "packed"):
        codes: NDArray[np.int8] = np.frombuffer(data, np.int8, count).copy()
        return codes
    values: NDArray[np.float32] = np.frombuffer(data, _DTYPES[storage], count).astype(np.float32)
    return values
