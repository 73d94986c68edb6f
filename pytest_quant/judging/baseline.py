"""The committed baseline: a small, sorted, reviewable JSON of what each model scored, and on what."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from pytest_quant.evaluation.agreement import OutputAgreement
from pytest_quant.evaluation.files import replace_file
from pytest_quant.evaluation.machine import isa, runtimes
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.spec.environment import versions
from pytest_quant.spec.errors import BaselineMissingError, ConfigError
from pytest_quant.spec.metric import SQNR_DB
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import whole_file

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
    """Of the net that is held against fp32: int8, or the further net whose entry this is."""


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


_OF_MODEL = ("environment", "samples")
"""What the entry of a further net does not repeat where it is as in the entry of its model."""


class BaselineEntry(_Strict):
    """One model, or one further net of it."""

    samples: BaselineSamples
    metrics: dict[str, BaselineValues]
    files: dict[str, str]
    """SHA-256 of each model file."""
    environment: BaselineEnvironment
    predictions: dict[str, str]
    """Where the cache keeps each side's predictions, should it still have them."""
    int8_packing: bool = True
    """Whether ncnn packed the channels of the int8 net; it always did before ``reference`` meant what ARM computes."""
    runtime: str | None = None
    """Name and version of what ran the net, unless it was ncnn; None in a baseline from before it was written down."""
    nets: dict[Net, BaselineEntry] = Field(default_factory=dict)
    """The further nets of a model, as far as they were measured; none in a baseline from before they had entries."""

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, raw: object) -> object:
        """The nets with what they do not repeat."""
        if not isinstance(raw, dict) or not isinstance(raw.get("nets"), dict):
            return raw
        of_model = {key: raw[key] for key in _OF_MODEL if key in raw}
        nets = {net: {**of_model, **one} if isinstance(one, dict) else one for net, one in raw["nets"].items()}
        return {**raw, "nets": nets}

    def completed(self, later: BaselineEntry) -> BaselineEntry:
        """The entry with what another process measured of the same model in the same run."""
        nets = {net: self.nets[net].completed(one) if net in self.nets else one for net, one in later.nets.items()}
        changes = {"metrics": {**self.metrics, **later.metrics}, "nets": {**self.nets, **nets}}
        return later.model_copy(update=changes)

    def over(self, before: BaselineEntry | None) -> BaselineEntry:
        """The entry in the place of an earlier one, whose nets stay where this run did not measure them."""
        return self if before is None else self.model_copy(update={"nets": {**before.nets, **self.nets}})

    def differences(self, measurement: Measurement) -> list[str]:
        """In what the baseline was made otherwise than a measurement here, in words."""
        found = []
        if self.int8_packing != measurement.conditions.get("int8_packing", True):
            found.append(
                f"the baseline was measured {'with' if self.int8_packing else 'without'} packed layouts, this is "
                f"{'without' if self.int8_packing else 'with'} them: x86 computes int8 as ARM does only without "
                "(`pytest-quant docs targets`)"
            )
        if self.runtime is not None and self.runtime != measurement.runtime:
            found.append(f"the baseline was measured with {self.runtime}, this is {measurement.runtime}")
        return found + self.environment.differences(current_environment())


class _BaselineFile(_Strict):
    schema_: int = Field(alias="schema")
    models: dict[str, BaselineEntry]


@dataclass(frozen=True)
class Baseline:
    """A baseline file as it was when the run started; absent files have no entries."""

    path: Path
    models: Mapping[str, BaselineEntry]

    def entry(self, model: str, metric: str, net: Net = "int8") -> BaselineEntry:
        """The entry of a model, or of a further net of it.

        Raises `BaselineMissingError` with the command to run when there is none, or when it lacks the metric.
        """
        accept = ACCEPT.format(path=shown(self.path))
        name, entry = model, self.models.get(model)
        if entry is not None and net != "int8":
            name, entry = f"{model} {net}", entry.nets.get(net)
        if entry is None:
            state = "has no entry for" if self.path.exists() else "does not exist: nothing is known of"
            raise BaselineMissingError(f"{shown(self.path)} {state} {name}; write one with {accept}")
        if metric not in entry.metrics:
            raise BaselineMissingError(f"{shown(self.path)}: {name} has no {metric}; write it with {accept}")
        return entry


def current_environment() -> BaselineEnvironment:
    """What an entry says of the machine, for the one at hand."""
    known = versions()
    return BaselineEnvironment(ncnn=runtimes()["ncnn"], isa=list(isa()), numpy=known["numpy"], opencv=known["opencv"])


def read_baseline(path: Path) -> Baseline:
    """Read a baseline file; one that does not exist has no entries. Raises `ConfigError` for a damaged one."""
    try:
        content = _BaselineFile.model_validate_json(whole_file(path))
    except FileNotFoundError:
        return Baseline(path, {})
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
    net = measurement.net
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
        files={name: digest for name, digest in measurement.file_sha256.items() if _is_of(net, name)},
        environment=current_environment(),
        predictions={side: measurement.side_keys[side] for side in ("fp32", net)},
        int8_packing=measurement.conditions.get("int8_packing") is not False,
        runtime=None if measurement.runtime.startswith("ncnn ") else measurement.runtime,
    )


def _is_of(net: Net, file: str) -> bool:
    """Whether an entry of the net names a file: those of a model are in the model's own."""
    return net == "int8" or file == net or file.startswith(f"{net}.")


def update_baseline(path: Path, entries: Mapping[str, BaselineEntry]) -> None:
    """Write the entries of some models and leave all others as they are, and all nets that were not measured."""
    before = read_baseline(path).models
    models = {**before, **{name: entry.over(before.get(name)) for name, entry in entries.items()}}
    content = {"schema": SCHEMA, "models": {name: _written(entry) for name, entry in models.items()}}
    replace_file(path, (json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n").encode())


def _written(entry: BaselineEntry) -> dict[str, object]:
    """An entry as JSON values; what it has by default is left out, and what its nets have as it has."""
    content: dict[str, object] = entry.model_dump(exclude_defaults=True, exclude={"nets"})
    nets = {net: _written(one) for net, one in entry.nets.items()}
    for one in nets.values():
        for key in _OF_MODEL:
            if one[key] == content[key]:
                del one[key]
    return {**content, "nets": nets} if nets else content
