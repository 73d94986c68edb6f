"""One layer diagnosis per model and run, made by whichever process needs it first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from pytest_quant.errors import QuantError
from pytest_quant.predictions.digests import sha256_json
from pytest_quant.predictions.files import replace_file
from pytest_quant.predictions.measure import Workbench
from pytest_quant.quantize.diagnosis import diagnose
from pytest_quant.report.diagnosis import diagnosis_entry, failed_entry
from pytest_quant.spec import ModelSpec


class Diagnoses:
    """The diagnoses of a run, as the report's data, kept in a folder that the run's processes share."""

    def __init__(self, folder: Path, bench: Workbench) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._bench = bench
        self._known: dict[str, Mapping[str, Any]] = {}

    def known(self, model: ModelSpec) -> Mapping[str, Any] | None:
        """The diagnosis that this process has seen, if any; starts nothing."""
        return self._known.get(_key(model))

    def entry(self, model: ModelSpec) -> Mapping[str, Any]:
        """The diagnosis of a model; one that cannot be made says why, and is no error: a verdict stands without it."""
        key = _key(model)
        if key not in self._known:
            path = self._folder / f"{key}.json"
            with FileLock(path.with_suffix(".lock")):
                if not path.exists():
                    replace_file(path, json.dumps(self._diagnose(model), allow_nan=False).encode())
                self._known[key] = json.loads(path.read_bytes())
        return self._known[key]

    def _diagnose(self, model: ModelSpec) -> dict[str, Any]:
        try:
            return diagnosis_entry(diagnose(model, self._bench))
        except QuantError as error:
            return failed_entry(str(error))


def _key(model: ModelSpec) -> str:
    return sha256_json([str(model.zoo), model.name])
