"""The keys of a zoo file, as pydantic models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, create_model

from pytest_quant.judging.limits import limit_classes
from pytest_quant.zoo.yaml_lines import RawEntry

MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


class Strict(BaseModel):
    """No unknown keys, no silent conversion of types, no change after reading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class CalibrateEntry(Strict):
    """``int8: {calibrate: {images, arrays, method, percentile, samples, eight_bit, keep_float}}``."""

    images: str | None = None
    """A folder, or a text file with one path a line."""
    arrays: str | None = None
    """The same of ``.npy`` or ``.npz`` files, for a model that is fed arrays."""
    method: Literal["kl", "aciq", "minmax", "percentile", "mse"] = "kl"
    """How the thresholds of activations are chosen."""
    percentile: float = Field(default=99.99, gt=0, le=100)
    """Of that method: percent of the absolute values that are kept."""
    samples: PositiveInt | None = None
    """So many of the images, the same choice on every machine; without it all."""
    eight_bit: bool = False
    """8-bit weights also in 3x3 convolutions of stride 1, where ncnn's tools use 6 bits."""
    keep_float: list[str] = []
    """Layers that stay float."""


Offset = Annotated[float, Field(ge=-1e6, le=1e6)]
Factor = Annotated[float, Field(ge=1e-6, le=1e6)]
"""Pixel values are 0 to 255; a number far from that is a mistake, and overflows in 32 bits."""


class InputEntry(Strict):
    """``input: {blob, size, color, mean, std, scale}``."""

    blob: str
    """The name of the net's input."""
    size: list[PositiveInt] | None = Field(default=None, min_length=2, max_length=2)
    """Width and height; without it an image keeps its own."""
    color: Literal["rgb", "bgr", "gray"] = "rgb"
    """The order of the channels, which is that of ``mean`` and ``std`` too."""
    mean: list[Offset] | None = None
    """A pixel becomes ``(pixel * scale - mean) / std``; without it 0."""
    std: list[Factor] | None = None
    """Without it 1."""
    scale: Factor = 1.0
    """What pixels from 0 to 255 are multiplied with first."""


ArraysEntry = str | dict[str, str | None]
"""``inputs: {blob: key}``; a blob alone is that of the only input."""


def _file_alone(value: object) -> object:
    if isinstance(value, str):
        return {"file": value}
    if not isinstance(value, Mapping):
        raise ValueError("the path of an ONNX file, or the keys file, input and outputs")
    return value


class OnnxEntry(Strict):
    """``onnx: model.onnx``, or ``{file, input, outputs}``."""

    file: str
    """The ONNX file."""
    input: str | None = None
    """The name of its input, where it has several."""
    inputs: ArraysEntry | None = None
    """Of a model that is fed arrays: what this file calls its inputs, with the keys of their arrays."""
    outputs: str | list[str] | None = None
    """Names of its outputs in the order of the model's ``output``, where they differ."""


class OnnxInt8Entry(OnnxEntry):
    """``onnx_int8: model-qdq.onnx``, or ``{file, input, outputs, tolerance, floor, class_tolerance, published}``."""

    tolerance: dict[str, object] = {}
    """Replaces or adds some of the model's."""
    floor: dict[str, object] = {}
    """Of this net alone, as are the next two."""
    class_tolerance: dict[str, object] = {}
    """The largest allowed drop of any single class."""
    published: dict[str, object] = {}
    """Metric to the number that somebody published for it."""


class MetafileEntry(Strict):
    """``metafile: {path, model, dataset, flip_test, boxes}``."""

    path: str
    """The metafile.yml of an OpenMMLab repository."""
    model: str | None = None
    """By Name, Alias or Config; None: the name that the entry has in the zoo file."""
    dataset: str | None = None
    """The metafile's name of the dataset, where the dataset's type does not tell it."""
    flip_test: bool | None = None
    """How the pose numbers of the metafile were measured; None: as the model's config says, else with it."""
    boxes: Literal["ground-truth", "detected"] | None = None
    """In which boxes the pose numbers were measured; None: in those of a person detector, as mmpose publishes."""


class RegressionEntry(Strict):
    """``regression: {path, dataset}``."""

    path: str
    """The file of mmdeploy's regression tests."""
    dataset: str | None = None
    """The file's name of the dataset that the tolerances are meant for; one that it does not have is refused."""


class RescueEntry(Strict):
    """``rescue: {images, dataset, samples}``."""

    images: str | None = None
    """Images without labels that a repair is searched on: a folder or a list."""
    dataset: str | None = None
    """A dataset with labels that a repair is searched on; not that of the evaluation."""
    samples: PositiveInt | None = None
    """How many of them."""


class _EntryHead(Strict):
    """The keys of a model entry before its limits."""

    task: str
    """What the model is for."""
    dataset: str
    """The name of an entry under ``datasets``."""
    fp32: Any
    """Of a class that `model_entry` makes, since the keys of a net are those of the formats that there are; likewise
    ``int8`` and each of ``nets``."""
    int8: Any
    nets: Mapping[str, Any] = {}
    """Further nets by a name of yours, each held against fp32."""
    onnx: Annotated[OnnxEntry, BeforeValidator(_file_alone)] | None = None
    """The model before conversion, to be held against fp32."""
    onnx_int8: Annotated[OnnxInt8Entry, BeforeValidator(_file_alone)] | None = None
    """Short for ``nets: {onnx_int8: {onnxruntime: FILE}}``."""
    input: InputEntry | None = None
    """How pixels become the net's input."""
    inputs: ArraysEntry | None = None
    """In the place of ``input``: which array of a sample is fed to which input of the net, ``{blob: key}``."""
    output: str | list[str]
    """The name of the output, or a list of them."""
    preprocess: dict[str, object] = {}
    """Keys of the task, see below."""
    postprocess: dict[str, object] = {}
    """Keys of the task, see below."""
    metric: dict[str, dict[str, object]] = {}
    """Metric to keys of the task, see below."""


if TYPE_CHECKING:
    _WithLimits = _EntryHead
else:
    _WithLimits = create_model(
        "_WithLimits",
        __base__=_EntryHead,
        **{name: typed for kind in limit_classes() for name, typed in kind.zoo_keys.items()},
    )


class ModelEntry(_WithLimits):
    """One entry of ``models``; ``mmdeploy``, ``metafile`` and ``regression`` have been filled in when it is read.

    The keys of its limits are those of `JudgedLimit.zoo_keys`.
    """

    rescue: RescueEntry | None = None
    """What a repair is searched on."""
    config: str | None = None
    """The training repository's config file, held against ``require``."""
    samples: PositiveInt | None = None
    """Evaluate a seeded random subset of this size."""
    runtime: Literal["reference", "deploy"] = "reference"
    """``reference``: only quantization differs; ``deploy``: the runtime's own default options."""
    xfail: dict[str, str] = Field(default={})
    """Case name to the reason why its limit is known to be broken."""
    mmdeploy: str | None = None
    """A folder that mmdeploy exported, read for what the entry leaves out."""
    metafile: MetafileEntry | None = None
    """Where published numbers are taken from."""
    regression: RegressionEntry | None = None
    """Where tolerances are taken from."""


_FP32_KEYS: dict[str, Any] = {"onnx": (str | None, None)}
_INT8_KEYS: dict[str, Any] = {
    **_FP32_KEYS,
    "calibrate": (CalibrateEntry | None, None),
    "input": (dict[str, object] | None, None),
    "inputs": (ArraysEntry | None, None),
    "output": (str | list[str] | None, None),
}
_FURTHER_KEYS: dict[str, Any] = {
    **_INT8_KEYS,
    "tolerance": (dict[str, object], {}),
    "floor": (dict[str, object], {}),
    "class_tolerance": (dict[str, object], {}),
    "published": (dict[str, object], {}),
    "target": (str | None, None),
}
"""What an entry of a net may say beside the keys of the formats."""


def model_entry(fp32: RawEntry, others: RawEntry) -> type[ModelEntry]:
    """`ModelEntry` with nets of the formats that there are: key to the type of its value, for fp32 and for others."""
    made, further = (_net_entry(others, own) for own in (_INT8_KEYS, _FURTHER_KEYS))
    nets = Mapping[str, further]  # type: ignore[valid-type]  # made while running, as pydantic takes it
    fields: dict[str, Any] = {"fp32": (_net_entry(fp32, _FP32_KEYS), ...), "int8": (made, ...), "nets": (nets, {})}
    return create_model("ModelEntry", __base__=ModelEntry, **fields)


def _net_entry(formats: RawEntry, own: RawEntry) -> type[BaseModel]:
    fields: dict[str, Any] = {**{key: (kind | None, None) for key, kind in formats.items()}, **own}
    return create_model("NetEntry", __base__=Strict, **fields)


class Defaults(Strict):
    """``defaults``."""

    tolerance: dict[str, object] = {}
    """Metric to amount; a model takes those whose metric its task has."""


class ZooHead(Strict):
    """The file without what its models and datasets hold: those are read one by one."""

    version: Literal[1]
    """Of the format of the file."""
    defaults: Defaults = Defaults()
    """What models take that say nothing else."""
    datasets: dict[object, object] = {}
    """Name to dataset."""
    models: dict[object, object] = Field(min_length=1)
    """Name to model."""
