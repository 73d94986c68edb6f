"""The text form of an ncnn network, ``.param``: its layers, its blobs and how they hang together.

ncnn itself accepts several damaged files in silence (a layer count that is too small loads a shortened net, a misspelt
blob name loads a net that cannot run), so `read_param` is stricter than the runtime.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from pytest_quant.nets.ncnn.files.layer_params import (
    SHORT_LINE,
    LayerLine,
    ParamValue,
    is_pair,
    read_params,
    sound_params,
)
from pytest_quant.nets.ncnn.files.too_old import FLAGGED, why_too_old
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.lfs import why_absent
from pytest_quant.spec.strict import whole_number
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import check_size, open_regular

MAGIC = 7767517
_MOST_BLOBS = 100_000
"""Of one layer: far more than any has."""


class Layer(NamedTuple):
    """One line of a ``.param`` file; a large zoo has many.

    Attributes:
        type: layer type, such as ``Convolution``.
        name: the layer's own name; tables use it, blobs have other names.
        bottoms: names of the blobs that it reads.
        tops: names of the blobs that it writes.
        params: parameter id (0 to 31) to value; arrays are tuples, ``-23310=2,0,6`` is stored under 10.
        line: line number in the file, from 1.

    """

    type: str
    name: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    params: Mapping[int, ParamValue]
    line: int

    def get_int(self, key: int, default: int = 0) -> int:
        """Return the integer parameter ``key``, or ``default`` where the line does not hold it.

        Raises:
            ParameterError: the line holds something else under that key.

        """
        value = self.params.get(key, default)
        if not isinstance(value, int):
            raise ParameterError(self, f"parameter {key} is {value!r}, an integer is expected")
        return value


class ParameterError(ValueError):
    """A layer holds something else under a key than its type takes."""

    def __init__(self, layer: Layer, message: str) -> None:
        super().__init__(message)
        self.layer = layer


@dataclass(frozen=True)
class Param:
    """A network as its ``.param`` file describes it; every bottom has exactly one producer, on an earlier line."""

    path: Path
    layers: tuple[Layer, ...]
    notes: tuple[str, ...] = ()
    """What is odd in the file and harmless in ncnn."""

    @cached_property
    def producer(self) -> dict[str, Layer]:
        """Blob name to the layer that writes it."""
        return {top: layer for layer in self.layers for top in layer.tops}

    @cached_property
    def consumers(self) -> dict[str, tuple[Layer, ...]]:
        """Blob name to the layers that read it, in file order; empty for an output."""
        found: dict[str, list[Layer]] = {blob: [] for blob in self.producer}
        for layer in self.layers:
            for bottom in layer.bottoms:
                found[bottom].append(layer)
        return {blob: tuple(layers) for blob, layers in found.items()}

    @property
    def blobs(self) -> tuple[str, ...]:
        """Names of all blobs, in file order."""
        return tuple(self.producer)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Blobs that ``Input`` layers write."""
        return tuple(top for layer in self.layers if layer.type == "Input" for top in layer.tops)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Blobs that no layer reads."""
        return tuple(blob for blob, layers in self.consumers.items() if not layers)

    def error(self, layer: Layer, message: str) -> ModelFileError:
        """Make (not raise) the error that points at ``layer`` in this file."""
        return ModelFileError(f"{shown(self.path)}:{layer.line}: layer {layer.name!r} ({layer.type}): {message}")


def read_param(path: Path | str) -> Param:
    """Read a text ``.param`` file and check that it is whole and consistent.

    Raises:
        ModelFileError: with file and line, when the file is missing, a folder, empty, binary, of an old format,
            truncated, when its counts are wrong, or when its blobs do not fit together.

    """
    path = Path(path)
    return parse_param(path, read_text(path))


def parse_param(path: Path, text: str) -> Param:
    """`read_param` of what `read_text` gave: a run asks for each file many times."""
    return _parsed(path, text)[0]


def without_names(path: Path, text: str) -> str:
    """A digest of what a ``.param`` file says but for the names of its layers, of which only messages tell.

    Raises `ModelFileError` as `parse_param` does.
    """
    return _parsed(path, text)[1]


@lru_cache(maxsize=64)
def _parsed(path: Path, text: str) -> tuple[Param, str]:
    """`parse_param` and `without_names`."""
    lines = [(i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise ModelFileError(f"{shown(path)}: the .param file is empty; expected {MAGIC} on its first line")
    layer_count, blob_count = _read_head(path, lines)
    words = [line.split(None, 2) for _, line in lines[2:]]
    layers = tuple([_read_layer(path, number, line, own) for (number, line), own in zip(lines[2:], words, strict=True)])
    if len(layers) != layer_count:
        raise ModelFileError(
            f"{shown(path)}:{lines[1][0]}: the header announces {layer_count} layers, the file holds {len(layers)}: "
            + ("the file is truncated" if len(layers) < layer_count else "ncnn would load a shortened net in silence")
        )
    _check_blobs(path, layers)
    written = sum(len(layer.tops) for layer in layers)
    counts = f"the header announces {blob_count} blobs, the layers write {written}"
    if blob_count < written:
        raise ModelFileError(f"{shown(path)}:{lines[1][0]}: {counts}: ncnn refuses it; correct the header")
    param = Param(path, layers, (f"{counts}: harmless",) if blob_count > written else ())
    for layer in layers:
        reason = why_too_old(layer) if layer.type in FLAGGED else None
        if reason is not None:
            raise param.error(layer, reason)
    nameless = [lines[1][1].strip(), *(f"{kind} {rest}" for kind, _, rest in words)]
    return param, hashlib.sha256("\n".join(nameless).encode()).hexdigest()


def read_text(path: Path) -> str:
    """The text of a ``.param`` file; raises `ModelFileError` for one that is missing, binary or no text."""
    try:
        with open_regular(path) as file:
            head = file.read(4096)
            absent = why_absent(head)
            if absent is not None:
                raise ModelFileError(f"{shown(path)} {absent}")
            if b"\0" in head:
                raise ModelFileError(f"{shown(path)}: {_describe_binary(head)}")
            check_size(path, os.fstat(file.fileno()).st_size)
            data = head + file.read()
    except FileNotFoundError:
        raise ModelFileError(f"{shown(path)}: no such .param file") from None
    except OSError as error:
        if path.is_dir():
            raise ModelFileError(f"{shown(path)} is a folder; expected an ncnn .param file") from None
        raise ModelFileError(f"{shown(path)}: the .param file cannot be read: {error.strerror}") from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFileError(
            f"{shown(path)}: byte {error.start} is not text; expected an ncnn .param file, is it a .bin?"
        ) from error


def _describe_binary(head: bytes) -> str:
    if len(head) >= 4 and struct.unpack_from("<i", head)[0] == MAGIC:
        return "a binary .param.bin; only the text .param is supported, name that file"
    return "binary data instead of an ncnn .param text; is it the .bin file?"


def _read_head(path: Path, lines: list[tuple[int, str]]) -> tuple[int, int]:
    number, text = lines[0]
    if text.strip() != str(MAGIC):
        found = text.strip()[:40]
        raise ModelFileError(
            f"{shown(path)}:{number}: found {found!r}, expected the magic number {MAGIC}; the file is damaged, "
            "no .param file, or of an old ncnn format (convert the model again)"
        )
    if len(lines) < 2:
        raise ModelFileError(f"{shown(path)}: truncated after line {number}; expected the layer and blob counts")
    number, text = lines[1]
    words = text.split()
    counts = [whole_number(word) for word in words]
    if len(counts) != 2 or not counts[0] or not counts[1]:
        raise ModelFileError(
            f"{shown(path)}:{number}: found {text.strip()[:40]!r}, expected two counts above 0: layers, blobs"
        )
    return counts[0], counts[1]


def _read_layer(path: Path, number: int, text: str, words: list[str]) -> Layer:
    """A layer; ``words``: its type, its name and all that follows."""
    wired = _read_rest(words[2]) if len(words) == 3 and len(text) <= SHORT_LINE else None
    return _read_odd_layer(path, number, text) if wired is None else Layer(words[0], words[1], *wired, number)


@lru_cache(maxsize=4096)
def _read_rest(text: str) -> tuple[tuple[str, ...], tuple[str, ...], Mapping[int, ParamValue]] | None:
    """What a layer reads, what it writes and its parameters, from what stands behind its name; None: see what is wrong.

    Layers have names of their own, and most zoos many that are alike but for that.
    """
    words = text.split(None, 2)
    bottoms, tops = (whole_number(word, most=_MOST_BLOBS) for word in words[:2]) if len(words) >= 2 else (None, None)
    if bottoms is None or tops is None:
        return None
    names = words[2].split(None, bottoms + tops) if len(words) == 3 else []
    blobs = tuple(names[: bottoms + tops])
    params = sound_params(names[-1] if len(names) > bottoms + tops else "")
    if len(blobs) < bottoms + tops or params is None or "=" in "".join(blobs):
        return None
    return blobs[:bottoms], blobs[bottoms:], params


def _read_odd_layer(path: Path, number: int, text: str) -> Layer:
    """The layer of any line; raises `ModelFileError`."""
    head = text.split(None, 4)
    bottoms, tops = (whole_number(word, most=_MOST_BLOBS) for word in head[2:4]) if len(head) >= 4 else (None, None)
    if bottoms is None or tops is None:
        raise ModelFileError(
            f"{shown(path)}:{number}: found {text.strip()[:60]!r}, expected 'type name bottoms tops ...'; "
            "is the file truncated?"
        )
    rest = head[4] if len(head) == 5 else ""
    names = rest.split(None, bottoms + tops)
    blobs = tuple(names[: bottoms + tops])
    if len(blobs) < bottoms + tops or any("=" in blob and is_pair(blob) for blob in blobs):
        raise ModelFileError(
            f"{shown(path)}:{number}: layer {head[1]!r} ({head[0]}) announces {bottoms} inputs and {tops} outputs, "
            "but fewer blob names follow; is the line truncated?"
        )
    pairs = names[-1] if len(names) > bottoms + tops else ""
    params = read_params(LayerLine(path, number, head[1], head[0]), pairs)
    return Layer(head[0], head[1], blobs[:bottoms], blobs[bottoms:], params, number)


def _place(path: Path, layer: Layer) -> LayerLine:
    return LayerLine(path, layer.line, layer.name, layer.type)


def _check_blobs(path: Path, layers: tuple[Layer, ...]) -> None:
    written: dict[str, Layer] = {}
    for layer in layers:
        for bottom in layer.bottoms:
            if bottom not in written:
                all_tops = {top: layer for layer in layers for top in layer.tops}
                raise ModelFileError(
                    f"{_place(path, layer)} reads blob {bottom!r}, {_why_missing(bottom, all_tops.get, written)}"
                )
        for top in layer.tops:
            if top in written:
                first = written[top]
                raise ModelFileError(
                    f"{_place(path, layer)} writes blob {top!r}, which line {first.line} ({first.name!r}) writes "
                    "already"
                )
            written[top] = layer


def _why_missing(blob: str, find: Callable[[str], Layer | None], written: Mapping[str, Layer]) -> str:
    later = find(blob)
    if later is not None:
        return f"which only line {later.line} ({later.name!r}) writes; ncnn wants the producer first"
    near = [
        name
        for name in written
        if name.lower() == blob.lower() or name.rstrip("0123456789") == blob.rstrip("0123456789")
    ]
    hint = f"; did you mean {near[-1]!r}?" if near else ""
    return f"which no layer writes{hint}"
