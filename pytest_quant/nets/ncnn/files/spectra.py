"""Spectrogram and its reverse: what ncnn reads of a signal, and of its frequencies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Size, extents, words
from pytest_quant.nets.ncnn.files.param import Layer

_MIRROR = 2
"""Parameter 6, the default."""


def _hop(layer: Layer) -> int:
    return layer.get_int(2, layer.get_int(0) // 4)


def _padded(layer: Layer, width: Size) -> Size:
    is_padded = layer.get_int(5, 1) == 1 and layer.get_int(6, _MIRROR) in (0, 1, _MIRROR)
    return None if width is None else width + (layer.get_int(0) // 2 * 2 if is_padded else 0)


def spectrogram_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Spectrogram: frequencies, frames, and two parts where it gives complex numbers."""
    window, hop, size = layer.get_int(0), _hop(layer), _padded(layer, extents(bottoms[0])[3])
    frames = None if size is None or hop < 1 or size < window else (size - window) // hop + 1
    shape = (window // 2 + 1 if layer.get_int(8, 1) else window, frames)
    return shape if layer.get_int(1) else (*shape, 2)


def check_spectrogram(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """A signal that is shorter than a window, or than what is mirrored of it."""
    window, width = layer.get_int(0), extents(bottoms[0])[3]
    size = _padded(layer, width)
    if window < 1 or _hop(layer) < 1:
        yield f"has a window of {window} values (parameter 0), moved by {_hop(layer)} (parameter 2)"
    elif width is None or size is None:
        return
    elif layer.get_int(5, 1) == 1 and layer.get_int(6, _MIRROR) == _MIRROR and window // 2 >= width:
        yield f"mirrors {window // 2} values of {layer.bottoms[0]!r}, which has {width} ({words(bottoms[0])})"
    elif size < window:
        yield f"has a window of {window} values, and {layer.bottoms[0]!r} has {size} ({words(bottoms[0])})"


def inverse_spectrogram_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of an InverseSpectrogram: values, and two parts where it gives complex numbers."""
    window, frames = layer.get_int(0), extents(bottoms[0])[2]
    behind = window % 2 if layer.get_int(5, 1) else window
    size = None if frames is None else (frames - 1) * _hop(layer) + behind
    return (size,) if layer.get_int(1) else (size, 2)


def check_inverse_spectrogram(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Other frequencies than those of its window, and other than complex numbers."""
    window, (frequencies, _, _, parts) = layer.get_int(0), extents(bottoms[0])
    if frequencies is not None and frequencies not in (window // 2 + 1, window):
        yield (
            f"takes {window // 2 + 1} or {window} frequencies, and reads {frequencies} from {layer.bottoms[0]!r} "
            f"({words(bottoms[0])})"
        )
    elif parts not in (None, 2):
        yield f"takes complex numbers, and reads rows of {parts} values from {layer.bottoms[0]!r} ({words(bottoms[0])})"
