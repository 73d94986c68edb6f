"""What an ``Input`` layer says of the size of its blob: a hint, which ncnn ignores."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_quant.nets.ncnn.files.param import Layer

_IMAGE_CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class InputHint:
    """The size that was written down when the net was converted; a net may well be used at another one.

    Attributes:
        size: (width, height) in pixels, None where the layer does not say.
        channels: None where the layer does not say.

    """

    size: tuple[int, int] | None = None
    channels: int | None = None


def input_hint(layer: Layer, proven_channels: int | None) -> InputHint:
    """Read the hint of an ``Input`` layer; values of 0 and below (-233 is ncnn's "unknown") say nothing.

    Files write ``0=w 1=h 2=c``, old ones ``0=c 1=h 2=w``: which it is, the channels that the first layer's weights
    prove tell, else which of the two numbers is one of an image's channels.
    """
    first, height, last = (max(layer.get_int(key), 0) for key in (0, 1, 2))
    width, channels = (last, first) if _is_old_order(first, last, proven_channels) else (first, last)
    return InputHint((width, height) if width and height else None, channels or None)


def _is_old_order(first: int, last: int, proven_channels: int | None) -> bool:
    if proven_channels is not None:
        return first == proven_channels != last and last > 0
    return first in _IMAGE_CHANNELS and last > max(_IMAGE_CHANNELS)
