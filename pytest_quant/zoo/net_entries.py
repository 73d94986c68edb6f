"""``fp32`` and ``int8`` of a model entry: the files that it names, or how they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.spec.calibration import CalibrationSpec
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import UNBUILT, NetFiles, OnnxFile
from pytest_quant.spec.text import listed
from pytest_quant.zoo.environment import UnsetVariableError, resolve_path
from pytest_quant.zoo.schema import CalibrateEntry, Fp32Entry, Int8Entry, NetEntry, OnnxEntry
from pytest_quant.zoo.yaml_lines import Document, KeyPath

FindFile = Callable[[KeyPath, str], Path]
"""The path of a file that an entry names; raises `ConfigError` when it is not there."""


@dataclass(frozen=True)
class NetEntries:
    """Reads the net entries of one zoo file."""

    document: Document
    find: FindFile

    def files(self, keys: KeyPath, entry: NetEntry) -> NetFiles:
        """The two files of a net; raises `ConfigError` for one that is not named or not there."""
        found = {}
        for key in ("param", "bin"):
            text = getattr(entry, key)
            if text is None:
                raise ConfigError(f"{self.document.where((*keys, key))}: is missing: this key is required")
            found[key] = self.find((*keys, key), text)
        return NetFiles(**found)

    def fp32(self, keys: KeyPath, entry: Fp32Entry) -> tuple[NetFiles, Path | None]:
        """The fp32 net's files, or the ONNX file that they are converted from."""
        if entry.onnx is None:
            return self.files(keys, entry), None
        self._either_or(keys, "onnx", entry, ("param", "bin"), "converted (`onnx`) or named (`param` and `bin`)")
        return UNBUILT, self.find((*keys, "onnx"), entry.onnx)

    def _either_or(self, keys: KeyPath, key: str, entry: NetEntry, others: Sequence[str], ways: str) -> None:
        """Raise `ConfigError` for keys that name what ``key`` makes."""
        named = [other for other in others if getattr(entry, other) is not None]
        if named:
            raise ConfigError(
                f"{self.document.where((*keys, key))}: found it beside {listed(named)}; a net is either {ways}"
            )

    def onnx(self, keys: KeyPath, entry: OnnxEntry | None) -> OnnxFile | None:
        """An ONNX file that is run beside the ncnn nets."""
        if entry is None:
            return None
        outputs = (entry.outputs,) if isinstance(entry.outputs, str) else entry.outputs
        return OnnxFile(self.find(keys, entry.file), entry.input, None if outputs is None else tuple(outputs))

    def int8(self, keys: KeyPath, entry: Int8Entry) -> tuple[NetFiles, Path | None, CalibrationSpec | None]:
        """The int8 net's files and table, or how they are made."""
        if entry.calibrate is None:
            table = None if entry.table is None else self.find((*keys, "table"), entry.table)
            return self.files(keys, entry), table, None
        ways = "made (`calibrate`) or named (`param`, `bin` and perhaps `table`)"
        self._either_or(keys, "calibrate", entry, ("param", "bin", "table"), ways)
        return UNBUILT, None, self._calibration((*keys, "calibrate"), entry.calibrate)

    def images(self, keys: KeyPath, text: str) -> tuple[Path | None, str | None]:
        """A folder or list of images, or why it cannot be on this machine."""
        try:
            return resolve_path(text, self.document.path.parent), None
        except UnsetVariableError as error:
            return None, (
                f"{self.document.where(keys)}: the environment variable {error.args[0]} is not set: set it to the "
                "folder of the images"
            )

    def _calibration(self, keys: KeyPath, entry: CalibrateEntry) -> CalibrationSpec:
        if "percentile" in entry.model_fields_set and entry.method != "percentile":
            where = self.document.where((*keys, "percentile"))
            raise ConfigError(f"{where}: goes with `method: percentile`, found method {entry.method}")
        images, missing = self.images((*keys, "images"), entry.images)
        return CalibrationSpec(
            images=images,
            method=entry.method,
            percentile=entry.percentile,
            samples=entry.samples,
            eight_bit=entry.eight_bit,
            keep_float=tuple(entry.keep_float),
            missing=missing,
        )
