"""The committed baseline: a small, sorted, reviewable JSON of what each model scored, and on what."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from pytest_quant.evaluation.agreement import OutputAgreement
from pytest_quant.evaluation.files import replace_file
from pytest_quant.evaluation.machine import isa, runtimes
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.spec.environment import versions
from pytest_quant.spec.errors import BaselineMissingError, ConfigError
from pytest_quant.spec.metric import SQNR_DB
from pytest_quant.spec.net import SIDES
from pytest_quant.spec.text import shown

SCHEMA = 1
_DIGITS = 9

ACCEPT = "pytest --quant --quant-baseline {path} --quant-update-baseline"
"""The command that writes what was measured."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BaselineSamples(_Strict):
    """Which samples the values are of."""

    evaluated: PositiveInt
    total: PositiveInt
    seed: int
    sha256: str


class BaselineValues(_Strict):
    """One metric of both sides, in its own unit."""

    fp32: float | None = None
    """None of a metric that holds int8 against fp32 itself."""
    int8: float


class BaselineEnvironment(_Strict):
    """What int8 results legitimately depend on."""

    ncnn: str
    isa: list[str]
    numpy: str | None = None
    """None in a baseline from before it was written down, as is OpenCV's."""
    opencv: str | None = None
    """Its warps and resizes differ between versions, in the last grey level."""

    def differences(self, here: BaselineEnvironment) -> list[str]:
        """In what this one is not the one at hand, in words; what an older file does not say is no difference."""
        names = {"ncnn": "ncnn", "numpy": "NumPy", "opencv": "OpenCV"}
        pairs = [(name, getattr(self, key), getattr(here, key)) for key, name in names.items()]
        found = [
            f"the baseline was measured with {name} {then}, this is {now}"
            for name, then, now in pairs
            if then is not None and then != now
        ]
        if self.isa != here.isa:
            found.append(f"the baseline was measured on {' '.join(self.isa)}, this is {' '.join(here.isa)}")
        return found


class BaselineEntry(_Strict):
    """One model."""

    samples: BaselineSamples
    metrics: dict[str, BaselineValues]
    files: dict[str, str]
    """SHA-256 of each model file."""
    environment: BaselineEnvironment
    predictions: dict[str, str]
    """Where the cache keeps each side's predictions, should it still have them."""
    int8_packing: bool = True
    """Whether ncnn packed the channels of the int8 net; it always did before ``reference`` meant what ARM computes."""

    def differences(self, measurement: Measurement) -> list[str]:
        """In what the baseline was made otherwise than a measurement here, in words."""
        found = []
        if self.int8_packing != measurement.conditions.get("int8_packing", True):
            found.append(
                f"the baseline was measured {'with' if self.int8_packing else 'without'} packed layouts, this is "
                f"{'without' if self.int8_packing else 'with'} them: x86 computes int8 as ARM does only without "
                "(`pytest-quant docs targets`)"
            )
        return found + self.environment.differences(current_environment())


class _BaselineFile(_Strict):
    schema_: int = Field(alias="schema")
    models: dict[str, BaselineEntry]


@dataclass(frozen=True)
class Baseline:
    """A baseline file as it was when the run started; absent files have no entries."""

    path: Path
    models: Mapping[str, BaselineEntry]

    def entry(self, model: str, metric: str) -> BaselineEntry:
        """The entry of a model; raises `BaselineMissingError` with the command to run when it lacks the metric."""
        accept = ACCEPT.format(path=shown(self.path))
        if model not in self.models:
            state = "has no entry for" if self.path.exists() else "does not exist: nothing is known of"
            raise BaselineMissingError(f"{shown(self.path)} {state} {model}; write one with {accept}")
        if metric not in self.models[model].metrics:
            raise BaselineMissingError(f"{shown(self.path)}: {model} has no {metric}; write it with {accept}")
        return self.models[model]


def current_environment() -> BaselineEnvironment:
    """What an entry says of the machine, for the one at hand."""
    known = versions()
    return BaselineEnvironment(ncnn=runtimes()["ncnn"], isa=list(isa()), numpy=known["numpy"], opencv=known["opencv"])


def read_baseline(path: Path) -> Baseline:
    """Read a baseline file; one that does not exist has no entries. Raises `ConfigError` for a damaged one."""
    if not path.exists():
        return Baseline(path, {})
    try:
        content = _BaselineFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{shown(path)}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{key}: " for key in [".".join(map(str, first["loc"]))] if key)
        raise ConfigError(
            f"{shown(path)}: is not a baseline file of pytest-quant: {where}{first['msg']}. Take it from version "
            "control again, or delete it and write a new one"
        ) from None
    if content.schema_ != SCHEMA:
        raise ConfigError(f"{shown(path)}: has schema {content.schema_}, this version knows {SCHEMA}")
    return Baseline(path, content.models)


def entry_of(measurement: Measurement, outputs: OutputAgreement | None = None) -> BaselineEntry:
    """The entry that a measurement makes; ``outputs``: how the raw outputs agree, where a limit is about them."""
    noise = math.inf if outputs is None else outputs.worst[1]
    raw = {SQNR_DB.name: BaselineValues(int8=round(noise, _DIGITS))} if math.isfinite(noise) else {}
    return BaselineEntry(
        samples=BaselineSamples(
            evaluated=measurement.evaluated,
            total=measurement.total,
            seed=measurement.seed,
            sha256=measurement.samples_sha256,
        ),
        metrics={
            name: BaselineValues(fp32=round(pair.fp32, _DIGITS), int8=round(pair.int8, _DIGITS))
            for name, pair in measurement.comparison.metrics.items()
        }
        | raw,
        files=dict(measurement.file_sha256),
        environment=current_environment(),
        predictions={side: measurement.side_keys[side] for side in SIDES},
        int8_packing=measurement.conditions.get("int8_packing") is not False,
    )


def update_baseline(path: Path, entries: Mapping[str, BaselineEntry]) -> None:
    """Write the entries of some models and leave all others as they are."""
    models = {**read_baseline(path).models, **entries}
    content = {"schema": SCHEMA, "models": {name: _written(entry) for name, entry in models.items()}}
    replace_file(path, (json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n").encode())


@dataclass(frozen=True)
class BaselineChange:
    """What an update does to one metric of one model; ``before`` is None where it was not there."""

    model: str
    metric: str
    before: BaselineValues | None
    now: BaselineValues

    def text(self, number: Callable[[float], str]) -> str:
        """Such as ``tiny top1: int8 86.67 -> 85.00``; ``number`` prints a value, and more digits follow where needed.

        >>> before, now = BaselineValues(fp32=90, int8=86.6), BaselineValues(fp32=90, int8=85)
        >>> BaselineChange("tiny", "top1", before, now).text(lambda value: f"{value:.2f}")
        'tiny top1: int8 86.60 -> 85.00'
        """

        def told(value: float | None, other: float | None) -> str:
            if value is None:
                return "none"
            return number(value) if other is None or number(value) != number(other) else repr(value)

        before, now = (({} if one is None else dict(one)) for one in (self.before, self.now))
        if self.before is None:
            known = [f"{side} {number(value)}" for side, value in now.items() if value is not None]
            return f"{self.model} {self.metric}: new: {', '.join(known)}"
        changed = [side for side in now if before[side] != now[side]]
        pairs = [f"{side} {told(before[side], now[side])} -> {told(now[side], before[side])}" for side in changed]
        return f"{self.model} {self.metric}: {', '.join(pairs)}"


def changes(before: Mapping[str, BaselineEntry], entries: Mapping[str, BaselineEntry]) -> list[BaselineChange]:
    """Each value that an update writes anew or otherwise, by model and metric."""
    found = []
    for model, entry in sorted(entries.items()):
        known = before[model].metrics if model in before else {}
        for metric, now in sorted(entry.metrics.items()):
            if known.get(metric) != now:
                found.append(BaselineChange(model, metric, known.get(metric), now))
    return found


def _written(entry: BaselineEntry) -> dict[str, object]:
    """An entry as JSON values; what it has by default is left out."""
    return entry.model_dump(exclude_defaults=True)
