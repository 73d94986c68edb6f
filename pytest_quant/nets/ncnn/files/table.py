"""The calibration table: text, one line per entry, as ncnn2table prints it and ncnn2int8 reads it.

``LAYER_param_0 s0 s1 ...`` holds a layer's weight scales (one per output channel, or per group), ``LAYER s`` the scale
of its input. An int8 value is ``round(x * scale)``, so a scale is 127 divided by the largest value kept. A line that
begins with ``#`` is commented out, which ncnn's guide recommends for layers that are to stay float.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_quant.spec.errors import ConfigError, ModelFileError
from pytest_quant.spec.lfs import why_absent
from pytest_quant.spec.strict import decimal_number
from pytest_quant.spec.text import listed, shown, suggestion
from pytest_quant.spec.whole_file import whole_file

_COMMENT = "#"
_WEIGHT_MARK = "_param_"
_POINTER_LENGTH = 200
_PARAM_MAGIC = "7767517"


@dataclass(frozen=True)
class Table:
    """A calibration table.

    Attributes:
        weights: entry (``LAYER_param_0``; recurrent and attention layers have further numbers) to its scales.
        activations: layer name to the scale of its input.
        path: the file, None for a table made in memory.
        commented: entry or layer name of each line that is commented out to its line number, from 1.

    """

    weights: Mapping[str, tuple[float, ...]]
    activations: Mapping[str, float]
    path: Path | None = None
    commented: Mapping[str, int] = field(default_factory=dict)

    def weight_scales(self, layer: str) -> tuple[float, ...] | None:
        """Return the weight scales of a convolution or fully connected layer, None where the table has none."""
        return self.weights.get(f"{layer}{_WEIGHT_MARK}0")

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of all layers that the table mentions, weight entries first."""
        return tuple(dict.fromkeys([*(layer_of(entry) for entry in self.weights), *self.activations]))


def layer_of(entry: str) -> str:
    """Return the layer that a weight entry belongs to.

    >>> layer_of("fire2/squeeze1x1_param_0")
    'fire2/squeeze1x1'
    """
    return entry.rpartition(_WEIGHT_MARK)[0]


def without_layers(table: Table, layers: Iterable[str]) -> Table:
    """Return the table without the lines of ``layers``, which stay float then.

    Raises:
        ConfigError: a layer is not in the table, or none is left.

    """
    dropped = frozenset(layers)
    if not dropped:
        return table
    for name in sorted(dropped):
        if name not in table.layers:
            raise ConfigError(
                f"there is no layer {name!r} that could be kept float.{suggestion(name, table.layers)} "
                f"Those that can: {listed(table.layers)}"
            )
    if dropped == frozenset(table.layers):
        raise ConfigError("every layer that could be int8 is to be kept float: nothing is left to quantize")
    return Table(
        {entry: scales for entry, scales in table.weights.items() if layer_of(entry) not in dropped},
        {layer: scale for layer, scale in table.activations.items() if layer not in dropped},
    )


def read_table(path: Path | str) -> Table:
    """Read a calibration table.

    Raises:
        ModelFileError: with file and line, when it is missing, empty, no table, or has a duplicate or damaged line.

    """
    path = Path(path)
    weights: dict[str, tuple[float, ...]] = {}
    activations: dict[str, float] = {}
    commented: dict[str, int] = {}
    text = _read_text(path)
    if text.startswith(_PARAM_MAGIC):
        raise ModelFileError(f"{shown(path)} is a .param file; expected a calibration table")
    for number, line in enumerate(text.rstrip().splitlines(), start=1):
        if not line.strip():
            raise ModelFileError(f"{shown(path)}:{number}: blank line; ncnn2int8 reads no further than that: delete it")
        if line.lstrip().startswith(_COMMENT):
            for name in line.strip(f"{_COMMENT} \t").split()[:1]:
                commented[name] = number
            continue
        entry, *words = line.split()
        where = f"{shown(path)}:{number}: entry {entry!r}"
        scales = _scales(where, words)
        if entry in weights or entry in activations:
            raise ModelFileError(f"{where} appears twice; ncnn would use the last one: delete one of them")
        if _WEIGHT_MARK in entry:
            weights[entry] = scales
        elif len(scales) == 1:
            activations[entry] = scales[0]
        else:
            raise ModelFileError(f"{where} has {len(scales)} values, expected one scale for the layer's input")
    if not weights and not activations:
        what = (
            "every line is commented out: nothing would be quantized"
            if commented
            else ("the calibration table is empty; make it again, it was perhaps made without images")
        )
        raise ModelFileError(f"{shown(path)}: {what}")
    return Table(weights, activations, path, commented)


def format_table(table: Table) -> str:
    r"""Return the table as ncnn2table prints it: six decimals and a blank behind every value.

    Weight scales of layers without an input scale (recurrent, embedding and attention layers) stand at the end.

    >>> format_table(Table({"conv_param_0": (1.5, float("inf"))}, {"conv": 2.0}))
    'conv_param_0 1.500000 inf \nconv 2.000000 \n'
    """
    rows = [(entry, scales) for entry, scales in table.weights.items() if layer_of(entry) in table.activations]
    rows += [(layer, (scale,)) for layer, scale in table.activations.items()]
    rows += [(entry, scales) for entry, scales in table.weights.items() if layer_of(entry) not in table.activations]
    return "".join(f"{entry} {''.join(f'{scale:f} ' for scale in scales)}\n" for entry, scales in rows)


def write_table(table: Table, path: Path | str) -> None:
    """Write the table to a file, see `format_table`."""
    Path(path).write_text(format_table(table), encoding="utf-8", newline="\n")


def _read_text(path: Path) -> str:
    if path.is_dir():
        raise ModelFileError(f"{shown(path)} is a folder; expected a calibration table")
    try:
        text = whole_file(path).decode().replace("\r\n", "\n").replace("\r", "\n")
        absent = why_absent(text[:_POINTER_LENGTH].encode())
        if absent is not None:
            raise ModelFileError(f"{shown(path)} {absent}")
        return text
    except FileNotFoundError:
        raise ModelFileError(f"{shown(path)}: no such calibration table") from None
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{shown(path)}: byte {error.start} is not text; expected a calibration table") from error
    except OSError as error:
        raise ModelFileError(f"{shown(path)}: the calibration table cannot be read: {error.strerror}") from error


def _scales(where: str, words: list[str]) -> tuple[float, ...]:
    if not words:
        raise ModelFileError(f"{where} has no scale; the table is truncated")
    return tuple(_scale(where, word) for word in words)


def _scale(where: str, word: str) -> float:
    value = decimal_number(word)
    if value is None:
        raise ModelFileError(f"{where}: found {word[:40]!r}; expected numbers separated by blanks")
    if math.isnan(value):
        raise ModelFileError(f"{where}: holds nan, which is not a scale; make the table again")
    return value
