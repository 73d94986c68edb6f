"""A `.tflite` file as its schema has it: tensors, operators, signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.nets.litert.flatbuffer import FlatBufferError, Table
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.text import shown

IDENTIFIER = b"TFL3"
_SHORTEST = 16
CUSTOM = 32
"""Operator code of what is not one of LiteRT's own."""

_TYPES = (
    *("float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8", "float64"),
    *("complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16", "int2", "uint4"),
)


@dataclass(frozen=True)
class TensorTable:
    """One tensor."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]
    """None for a dimension that is left open."""
    scales: tuple[float, ...]
    """One, or one per channel; none where it is not quantized."""
    zero_points: tuple[int, ...]


@dataclass(frozen=True)
class OperatorTable:
    """One operator: its code, the name of a custom one, and its tensors by index (-1: left out)."""

    code: int
    custom: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class GraphTables:
    """The main graph of a file."""

    tensors: tuple[TensorTable, ...]
    operators: tuple[OperatorTable, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    signature: Mapping[int, str]
    """Tensor to what the signature of the main graph calls it."""
    custom: tuple[str, ...]
    """The custom operators of all graphs."""


def read_tables(path: Path, data: bytes) -> GraphTables:
    """Read the tables of a file.

    Raises:
        ModelFileError: It does not begin as a `.tflite` file does, or its tables reach outside it.

    """
    if len(data) < _SHORTEST or data[4:8] != IDENTIFIER:
        raise ModelFileError(f"{shown(path)}: is not a .tflite file ({len(data)} bytes, without the mark TFL3)")
    try:
        return _read(Table.root(data))
    except (FlatBufferError, IndexError) as error:
        raise ModelFileError(
            f"{shown(path)}: is not a whole .tflite file ({len(data)} bytes): it was cut off or damaged: {error}"
        ) from None


def _read(model: Table) -> GraphTables:
    for buffer in model.tables(4):
        buffer.check_bytes(0)
    codes = [_code(entry) for entry in model.tables(1)]
    graphs = model.tables(2)
    if not graphs:
        raise FlatBufferError("it holds no graph")
    main, *others = graphs
    tensors = tuple(map(_tensor, main.tables(0)))
    operators = tuple(_operators(main, codes))
    graph = GraphTables(
        tensors=tensors,
        operators=operators,
        inputs=tuple(main.integers(1)),
        outputs=tuple(main.integers(2)),
        signature=dict(_signature(model)),
        custom=tuple(
            dict.fromkeys(
                found.custom for one in (main, *others) for found in _operators(one, codes) if found.code == CUSTOM
            )
        ),
    )
    for index in (*graph.inputs, *graph.outputs, *(i for found in operators for i in (*found.inputs, *found.outputs))):
        if not -1 <= index < len(tensors):
            raise FlatBufferError(f"tensor {index} of {len(tensors)}")
    return graph


def _code(entry: Table) -> tuple[int, str]:
    """The code stands in a byte, and where that is too small, in a field of its own."""
    return max(entry.number(0, "b"), entry.number(3, "i")), entry.text(1)


def _operators(graph: Table, codes: list[tuple[int, str]]) -> Iterator[OperatorTable]:
    for entry in graph.tables(3):
        code, custom = codes[entry.number(0, "I")]
        yield OperatorTable(code, custom, tuple(entry.integers(1)), tuple(entry.integers(2)))


def _tensor(entry: Table) -> TensorTable:
    kind = entry.number(1, "b")
    found = entry.table(4)
    return TensorTable(
        name=entry.text(3),
        dtype=_TYPES[kind] if 0 <= kind < len(_TYPES) else f"type {kind}",
        shape=tuple(size if size >= 0 else None for size in entry.integers(7) or entry.integers(0)),
        scales=() if found is None else tuple(found.numbers(2, "f")),
        zero_points=() if found is None else tuple(found.integers(3, "q")),
    )


def _signature(model: Table) -> Iterator[tuple[int, str]]:
    for entry in model.tables(7):
        if entry.number(4, "I") == 0:
            for field in (0, 1):
                for named in entry.tables(field):
                    yield named.number(1, "I"), named.text(0)
