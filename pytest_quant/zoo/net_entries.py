"""The nets of a model entry: for each what runs it, and the files that it names or how they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pytest_quant.extending.known import format_names, get_format
from pytest_quant.nets.format import NetFormat
from pytest_quant.nets.onnxruntime.format import onnx_net
from pytest_quant.spec.calibration import CalibrationSpec
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import ArrayInput, InputSpec, NetSpec, OnnxSource
from pytest_quant.spec.text import listed
from pytest_quant.zoo.environment import UnsetVariableError, resolve_path
from pytest_quant.zoo.schema import ArraysEntry, CalibrateEntry, ModelEntry, OnnxEntry, model_entry
from pytest_quant.zoo.schema_problems import describe
from pytest_quant.zoo.yaml_lines import Document, KeyPath

FindFile = Callable[[KeyPath, str], Path]
"""The path of a file that an entry names; raises `MissingFileError` when it is not there."""

ReadInput = Callable[[KeyPath, Mapping[str, object]], InputSpec]
"""A net's own input from what differs in it; raises `ConfigError`."""

ReadArrays = Callable[[KeyPath, ArraysEntry], tuple[ArrayInput, ...]]
"""What a net calls its inputs, with the keys of their arrays; raises `ConfigError`."""


def no_arrays(keys: KeyPath, entry: ArraysEntry) -> tuple[ArrayInput, ...]:
    """Of an entry without."""
    raise TypeError(f"{keys}: nothing is known of arrays")


_CONVERT, _CALIBRATE = "onnx", "calibrate"
_MADE_IN = "ncnn"
"""What runs a net that is converted or calibrated."""

ModelT = TypeVar("ModelT", bound=BaseModel)


def entry_class() -> type[ModelEntry]:
    """The class of a model's entry, with the keys of every net format."""
    return _entry_class(format_names())


@cache
def _entry_class(names: tuple[str, ...]) -> type[ModelEntry]:
    fp32: dict[str, object] = {}
    others: dict[str, object] = {}
    for name in names:
        found = get_format(name)
        for key, kind in _keys(name, found).items():
            others[key] = kind
            if key not in found.int8_keys:
                fp32[key] = kind
    return model_entry(fp32, others)


@lru_cache(maxsize=64)
def _keys(name: str, found: NetFormat) -> Mapping[str, object]:
    """The keys of a format in a net's entry, with the types of their values before paths are resolved."""
    if not found.stands_flat:
        return {name: str | dict[str, object]}
    return {
        key: str if _is_path(field.annotation) else field.annotation for key, field in found.keys.model_fields.items()
    }


@lru_cache(maxsize=64)
def _files(keys: type[BaseModel]) -> frozenset[str]:
    """Those of a format's keys that name files."""
    return frozenset(key for key, field in keys.model_fields.items() if _is_path(field.annotation))


def _is_path(annotation: object) -> bool:
    return annotation is Path or Path in get_args(annotation)


@dataclass(frozen=True)
class NetEntries:
    """Reads the net entries of one zoo file."""

    document: Document
    find: FindFile
    read_arrays: ReadArrays = no_arrays
    feeds_arrays: bool = False
    """Whether the model is fed arrays: it is calibrated on such, too."""

    def net(self, keys: KeyPath, entry: BaseModel, read_input: ReadInput | None = None) -> NetSpec:
        """A net of a model, by the one key that says what runs it or how it is made.

        Raises `ConfigError` for an entry without such a key or with two of them, `MissingFileError` for files that are
        not there.
        """
        spec = self._runs(keys, entry)
        outputs = getattr(entry, "output", None)
        own = getattr(entry, "input", None)
        arrays = getattr(entry, "inputs", None)
        return NetSpec(
            spec.format,
            spec.entry,
            spec.source,
            input=None if own is None or read_input is None else read_input((*keys, "input"), own),
            input_name=None if own is None else own.get("blob"),
            arrays=() if arrays is None else self.read_arrays((*keys, "inputs"), arrays),
            outputs=None if outputs is None else (outputs,) if isinstance(outputs, str) else tuple(outputs),
            target=self._target(keys, entry, spec.format),
        )

    def _target(self, keys: KeyPath, entry: BaseModel, format_name: str) -> str | None:
        """The machine that a net names; raises `ConfigError` where its runtime runs on this one only."""
        target: str | None = getattr(entry, "target", None)
        if target is not None and not get_format(format_name).runs_on_targets:
            takes = listed(name for name in format_names() if get_format(name).runs_on_targets)
            raise ConfigError(
                f"{self.document.where((*keys, 'target'))}: nets of {format_name} run on this machine only; those of "
                f"{takes} can run on a target"
            )
        return target

    def _runs(self, keys: KeyPath, entry: BaseModel) -> NetSpec:
        ways = [way for way in (_CONVERT, _CALIBRATE) if getattr(entry, way, None) is not None]
        given = {key for key in entry.model_fields_set if getattr(entry, key) is not None}
        named: dict[str, list[str]] = {}
        for name in format_names():
            found = [key for key in _keys(name, get_format(name)) if key in given]
            if found:
                named[name] = found
        self._only_one(keys, ways, named)
        if ways == [_CONVERT]:
            path = self.find((*keys, _CONVERT), getattr(entry, _CONVERT))
            return NetSpec(_MADE_IN, source=OnnxSource(path))
        if ways == [_CALIBRATE]:
            return NetSpec(_MADE_IN, source=self._calibration((*keys, _CALIBRATE), getattr(entry, _CALIBRATE)))
        name = next(iter(named), _MADE_IN)  # without any key: the message is about those of ncnn
        return NetSpec(name, self._format_entry(keys, name, entry))

    def _only_one(self, keys: KeyPath, ways: Sequence[str], named: Mapping[str, Sequence[str]]) -> None:
        """Raise `ConfigError` for keys that name what another key makes, or for two runtimes."""
        if ways and (named or len(ways) > 1):
            others = [*ways[1:], *(key for found in named.values() for key in found)]
            meant = {
                _CONVERT: "converted (`onnx`) or named (`param` and `bin`)",
                _CALIBRATE: "made (`calibrate`) or named (`param`, `bin` and perhaps `table`)",
            }[ways[0]]
            where = self.document.where((*keys, ways[0]))
            raise ConfigError(f"{where}: found it beside {listed(others)}; a net is either {meant}")
        if len(named) > 1:
            first, *others = [found[0] for found in named.values()]
            where = self.document.where((*keys, first))
            raise ConfigError(f"{where}: found it beside {listed(others)}; a net runs in one runtime: keep one of them")

    def _format_entry(self, keys: KeyPath, name: str, entry: BaseModel) -> BaseModel:
        """The files and options of a net, validated by its format; raises `ConfigError`."""
        found = get_format(name)
        if found.stands_flat:
            raw = {key: value for key in _keys(name, found) if (value := getattr(entry, key, None)) is not None}
            place: KeyPath = keys
        else:
            raw, place = getattr(entry, name), (*keys, name)
            if isinstance(raw, str):
                return self._validated(place, found.keys, {"file": self.find(place, raw)})
        resolved = {
            key: self.find((*place, key), value) if isinstance(value, str) and key in _files(found.keys) else value
            for key, value in raw.items()
        }
        return self._validated(place, found.keys, resolved)

    def _validated(self, keys: KeyPath, model: type[ModelT], raw: Mapping[str, object]) -> ModelT:
        try:
            return model.model_validate(dict(raw))
        except ValidationError as error:
            raise ConfigError(describe(self.document, keys, model, error)) from None

    def onnx(self, keys: KeyPath, entry: OnnxEntry) -> NetSpec:
        """An ONNX file by its own short key: ``onnx``, ``onnx_int8``."""
        outputs = (entry.outputs,) if isinstance(entry.outputs, str) else entry.outputs
        spec = onnx_net(self.find(keys, entry.file), outputs=None if outputs is None else tuple(outputs))
        if entry.input is not None and self.feeds_arrays:
            where = self.document.where((*keys, "input"))
            raise ConfigError(f"{where}: the model is fed arrays: `inputs` says what this net calls them")
        arrays = () if entry.inputs is None else self.read_arrays((*keys, "inputs"), entry.inputs)
        return replace(spec, input_name=entry.input, arrays=arrays)

    def images(self, keys: KeyPath, text: str) -> tuple[Path | None, str | None]:
        """A folder or list of images, or why it cannot be on this machine."""
        try:
            return resolve_path(text, self.document.path.parent), None
        except UnsetVariableError as error:
            return None, (
                f"{self.document.where(keys)}: the environment variable {error.args[0]} is not set: set it to the "
                f"folder of the {keys[-1]}"
            )

    def _calibration(self, keys: KeyPath, entry: CalibrateEntry) -> CalibrationSpec:
        if "percentile" in entry.model_fields_set and entry.method != "percentile":
            where = self.document.where((*keys, "percentile"))
            raise ConfigError(f"{where}: goes with `method: percentile`, found method {entry.method}")
        expected, other = ("arrays", "images") if self.feeds_arrays else ("images", "arrays")
        source = getattr(entry, expected)
        if source is None or getattr(entry, other) is not None:
            found = "is missing" if getattr(entry, other) is None else f"found `{other}` in its place or beside it"
            what = ".npy or .npz files, since the model is fed arrays" if self.feeds_arrays else "images"
            raise ConfigError(
                f"{self.document.where((*keys, expected))}: {found}; expected a folder or a list of {what}"
            )
        images, missing = self.images((*keys, expected), source)
        return CalibrationSpec(
            images=images,
            method=entry.method,
            percentile=entry.percentile,
            samples=entry.samples,
            eight_bit=entry.eight_bit,
            keep_float=tuple(entry.keep_float),
            missing=missing,
        )
