"""``input`` of a model entry."""

from __future__ import annotations

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import InputSpec
from pytest_quant.zoo.places import Places
from pytest_quant.zoo.schema import InputEntry
from pytest_quant.zoo.yaml_lines import KeyPath

_MAX_PIXELS = 1 << 26
"""Of an input: more would take gigabytes for each thread."""


def input_spec(places: Places, keys: KeyPath, entry: InputEntry) -> InputSpec:
    """What the net expects, with one mean and divisor per channel; raises `ConfigError` for what no image fits."""
    channels = 1 if entry.color == "gray" else 3
    mean = tuple(entry.mean or (0.0,) * channels)
    std = tuple(entry.std or (1.0,) * channels)
    for key, values in (("mean", mean), ("std", std)):
        if len(values) != channels:
            raise ConfigError(
                f"{places.where((*keys, key))}: found {len(values)} values, expected {channels}, "
                f"one for each channel of color {entry.color}"
            )
    if min(std) <= 0:
        raise ConfigError(f"{places.where((*keys, 'std'))}: found {min(std):g}, expected values above 0")
    size = None if entry.size is None else (entry.size[0], entry.size[1])
    if size is not None and size[0] * size[1] > _MAX_PIXELS:
        raise ConfigError(
            f"{places.where((*keys, 'size'))}: found {list(size)}, expected width and height in pixels, "
            f"at most {_MAX_PIXELS} in all"
        )
    return InputSpec(entry.blob, size, entry.color, mean, std, entry.scale)
