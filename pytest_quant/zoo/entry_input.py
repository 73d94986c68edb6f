"""``input`` of a model entry, or ``inputs`` in its place."""

from __future__ import annotations

from pytest_quant.extending.built_in import DATASETS
from pytest_quant.spec.dataset import ARRAYS, DatasetSpec
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import ArrayInput, InputSpec
from pytest_quant.spec.text import listed
from pytest_quant.tasks.base import Task
from pytest_quant.zoo.places import Places
from pytest_quant.zoo.schema import ArraysEntry, InputEntry, ModelEntry
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


def array_inputs(places: Places, keys: KeyPath, entry: ArraysEntry) -> tuple[ArrayInput, ...]:
    """Which array of a sample goes where; raises `ConfigError` where nothing does.

    A blob without a key takes the array of its own name.
    """
    if isinstance(entry, str):
        return (ArrayInput(entry, entry),)
    if not entry:
        raise ConfigError(
            f"{places.where(keys)}: found no input, expected each input of the net with the key of its array, such as "
            "`{in0: features, in1: mask}`"
        )
    return tuple(ArrayInput(name, name if key is None else key) for name, key in entry.items())


def model_input(places: Places, keys: KeyPath, entry: ModelEntry, task: Task, dataset: DatasetSpec) -> InputSpec:
    """What the nets of a model are fed; raises `ConfigError` where that and its dataset are two things."""
    if entry.inputs is None:
        if dataset.type == ARRAYS:
            raise ConfigError(
                f"{places.where((*keys, 'inputs'))}: is missing: the dataset `{dataset.name}` is of type {ARRAYS}, "
                "expected which of its arrays goes where, such as `inputs: {in0: features}`, in the place of `input`"
            )
        if entry.input is None:
            raise ConfigError(f"{places.where((*keys, 'input'))}: is missing: this key is required")
        return input_spec(places, (*keys, "input"), entry.input)
    where = places.where((*keys, "inputs"))
    if entry.input is not None:
        raise ConfigError(f"{where}: found it beside `input`: a net is fed an image (`input`) or arrays (`inputs`)")
    if not task.takes_arrays:
        raise ConfigError(
            f"{where}: the task {task.name} makes its input of pixels; arrays are taken by the task outputs and by "
            "tasks of functions without `prepare`"
        )
    if dataset.type in DATASETS and dataset.type != ARRAYS:
        raise ConfigError(
            f"{where}: the dataset `{dataset.name}` of type {dataset.type} gives images, expected one of type "
            f"{ARRAYS}, or one of your own whose `read` gives arrays by key"
        )
    if entry.preprocess:
        raise ConfigError(
            f"{places.where((*keys, 'preprocess'))}: found {listed(entry.preprocess)}, which nothing reads: arrays are "
            "fed as they are"
        )
    return InputSpec.of_arrays(array_inputs(places, (*keys, "inputs"), entry.inputs))
