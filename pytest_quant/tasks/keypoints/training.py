"""What an mmpose config file says about the conditions of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_quant.spec.condition import Untold
from pytest_quant.spec.text import shown
from pytest_quant.training_config import TrainingConfig, UnreadError

_PLACES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "flip_test": (("model", "test_cfg", "flip_test"),),
    "flip_shift": (("model", "test_cfg", "shift_heatmap"),),
    "input_size": (("codec", "input_size"), ("model", "head", "decoder", "input_size"), ("data_cfg", "image_size")),
    "heatmap_size": (
        ("codec", "heatmap_size"),
        ("model", "head", "decoder", "heatmap_size"),
        ("data_cfg", "heatmap_size"),
    ),
}
"""Condition to the places where mmpose 1.x and 0.x write it."""


def config_conditions(config: TrainingConfig) -> dict[str, object]:
    """The conditions that an mmpose config sets, as plain JSON values under the names that ``require`` uses.

    `Untold` stands for one that cannot be told without executing the file, and for a flip_test that the file does not
    mention: mmpose 0.x then has it on, 1.x off. Other conditions that it does not mention are left out.
    """
    found = {name: _condition(config, name, places) for name, places in _PLACES.items()}
    if found["flip_test"] is None:
        found["flip_test"] = Untold(
            f"{shown(config.path)} does not set model.test_cfg.flip_test, which is off by default in mmpose 1.x and on "
            "in 0.x; expected true or false there"
        )
    return {name: value for name, value in found.items() if value is not None}


def _condition(config: TrainingConfig, name: str, places: tuple[tuple[str, ...], ...]) -> object:
    """The value at the first place that has one; None when none has."""
    for keys in places:
        try:
            value = config.value(*keys)
        except KeyError:
            continue
        except UnreadError as error:
            return Untold(
                f"{shown(config.path)}: {'.'.join(keys)} cannot be told without executing the file ({error}); write "
                "the value itself there, or leave `config` out"
            )
        if name.endswith("_size"):
            return list(value) if isinstance(value, list | tuple) else [value, value]
        return (
            value
            if isinstance(value, bool)
            else Untold(f"{shown(config.path)}: {'.'.join(keys)} is {value!r}, no bool")
        )
    return None
