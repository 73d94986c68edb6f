"""``fp32`` and ``int8`` of a model entry: the files that it names, or how they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.errors import ConfigError
from pytest_quant.spec import UNBUILT, CalibrationSpec, NetFiles
from pytest_quant.text import listed
from pytest_quant.zoo.environment import UnsetVariableError, resolve_path
from pytest_quant.zoo.schema import CalibrateEntry, Int8Entry, NetEntry
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

    def int8(self, keys: KeyPath, entry: Int8Entry) -> tuple[NetFiles, Path | None, CalibrationSpec | None]:
        """The int8 net's files and table, or how they are made."""
        if entry.calibrate is None:
            table = None if entry.table is None else self.find((*keys, "table"), entry.table)
            return self.files(keys, entry), table, None
        named = [key for key in ("param", "bin", "table") if getattr(entry, key) is not None]
        if named:
            raise ConfigError(
                f"{self.document.where((*keys, 'calibrate'))}: found it beside {listed(named)}; an int8 net is either "
                "made (`calibrate`) or named (`param`, `bin` and perhaps `table`)"
            )
        return UNBUILT, None, self._calibration((*keys, "calibrate"), entry.calibrate)

    def _calibration(self, keys: KeyPath, entry: CalibrateEntry) -> CalibrationSpec:
        missing, images = None, None
        try:
            images = resolve_path(entry.images, self.document.path.parent)
        except UnsetVariableError as error:
            missing = (
                f"{self.document.where((*keys, 'images'))}: the environment variable {error.args[0]} is not set: "
                "set it to the folder of the calibration images"
            )
        return CalibrationSpec(
            images=images,
            method=entry.method,
            percentile=entry.percentile,
            samples=entry.samples,
            eight_bit=entry.eight_bit,
            keep_float=tuple(entry.keep_float),
            missing=missing,
        )
